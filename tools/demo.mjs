// `npm run demo`: from a fresh clone to answers about the bundled clip, the first of them dense and reduced.
import { run } from './setup.mjs';

const asked = [
  ['--compare'],
  ['--prompt', 'Which object flashes?', '--quiet'],
  ['--prompt', 'What color is the background at the end?', '--quiet'],
];
for (const args of asked) {
  const line = ['--video', 'assets/clip.mp4', ...args];
  console.log(`\n$ ff-run ${line.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ')}`);
  run(process.execPath, ['dist/ff-run.js', ...line, ...process.argv.slice(2)]);
}
