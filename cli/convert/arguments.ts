/** The flags of `ff-convert`. */
import { commandLine, count, flag, needed, on, oneOf, shared, text, type Values } from '../flags.ts';
import { modelFlags } from '../model-flags.ts';
import { targetFormats } from './plan.ts';

const flags = {
  model: needed(modelFlags.model),
  dtype: needed(flag('NAME', 'what the weights become: q8, q4, f16 or bf16 (docs/formats.md)', oneOf(targetFormats))),
  out: needed(flag('DIR', 'the folder to write, which must not be there yet', text)),
  'shard-bytes': flag('N', 'end a file of weights before it is larger (default 5e9)', count(1e15), 5e9),
  force: on('replace a checkpoint that is there, once the new one is whole'),
  adapter: shared.adapter,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
};

/** What `ff-convert` was asked to do. */
export type ConvertArguments = Values<typeof flags>;

export const convertLine = commandLine('ff-convert', {
  about: `Usage: ff-convert --model NAME|DIR|ID --dtype q8|q4|f16|bf16 --out DIR [...]

Writes a checkpoint whose matrices are in another format. The other commands' --dtype makes the same at every load.
All other files and tensors are copied.`,
  flags,
});
