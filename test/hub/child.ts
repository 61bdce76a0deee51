/** A process of its own that downloads the model of {@link FakeHub}, for tests with two of them, and with signals. */
import { type DownloadProgress, downloadModel } from '../../hub/download.ts';
import { REPOSITORY } from './server.ts';

const [endpoint, cacheDir, as] = process.argv.slice(2);
if (as === 'exits') process.on('SIGINT', () => process.exit(130)); // as the commands do it
if (as === 'nobody') {
  await import('@huggingface/hub'); // while it can be read
  process.setuid!(65534);
}
try {
  const note = (line: string) => void process.stdout.write(`note ${line}\n`);
  const timing = { backoffMs: 1, attempts: 3, lockPollMs: 10 };
  let last: DownloadProgress | undefined;
  const progress = (now: DownloadProgress) => {
    last = now;
  };
  const options = { endpoint, cacheDir, token: false, offline: false, note, progress, timing } as const;
  process.stdout.write(`folder ${await downloadModel(REPOSITORY, options)}\n`);
  if (last) process.stdout.write(`done ${last.done} of ${last.of}\n`);
} catch (error) {
  process.stdout.write(`${(error as Error).name} ${(error as Error).message}\n`);
  process.exitCode = 1;
}
