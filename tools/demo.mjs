// `npm run demo`: from a fresh clone to an answer about the bundled clip.
import { run } from './setup.mjs';

const args = ['--video', 'assets/clip.mp4', '--compare'];
console.log(`\n$ ff-run ${args.join(' ')}`);
run(process.execPath, ['dist/ff-run.js', ...args, ...process.argv.slice(2)]);
