/** `ff-bench` without the name of a bench. */
import { UsageError } from '../../cli/flags.ts';

export function overview(): string {
  return [
    'Usage: ff-bench model|kernels|peers [...]',
    '',
    'Compares token counts and latency. Every result is checked before it is timed.',
    '',
    '  model     a model on a clip, dense and reduced: tokens, seconds, speed-up, memory',
    '  kernels   every kernel, against copy bandwidth and the best multiplication',
    '  peers     the same work in other WebGPU libraries, on the same adapter',
    '',
    'ff-bench model --help, and so on, has the flags of each.',
  ].join('\n');
}

/** @throws UsageError unless help or the version is asked for. */
export function parseOverview([word]: readonly string[]): 'help' | 'version' {
  if (word === '--help' || word === '-h') return 'help';
  if (word === '--version') return 'version';
  const got = word === undefined ? 'nothing' : JSON.stringify(word);
  throw new UsageError(`model, kernels or peers is needed, got ${got}. See ff-bench --help.`);
}
