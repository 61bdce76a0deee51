/** The flags of `ff-convert`. */
import { type AdapterChoice, adapterChoices } from '../../engine/node-adapter.ts';
import { type FlagTable, FlagValues, flagLines, shared, UsageError } from '../flags.ts';
import { type TargetFormat, targetFormats } from './plan.ts';

/** What `ff-convert` was asked to do. */
export interface ConvertArguments {
  readonly model: string;
  readonly dtype: TargetFormat;
  readonly out: string;
  readonly shardBytes: number;
  readonly force: boolean;
  readonly adapter: AdapterChoice;
  readonly quiet: boolean;
}

const flags = {
  model: {
    value: 'NAME|DIR|ID',
    help: 'a name of weights.config.json, a folder, or a Hugging Face id: owner/name[@revision]',
  },
  dtype: { value: 'NAME', help: 'what the weights become: q8, q4, f16 or bf16 (docs/formats.md)' },
  out: { value: 'DIR', help: 'the folder to write, which must not be there yet' },
  'shard-bytes': { value: 'N', help: 'end a file of weights before it is larger (default 5e9)' },
  force: { help: 'replace a checkpoint that is there, once the new one is whole' },
  adapter: shared.adapter,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
} as const satisfies FlagTable;

/** The text of `--help`. */
export function convertHelp(): string {
  return [
    'Usage: ff-convert --model NAME|DIR|ID --dtype q8|q4|f16|bf16 --out DIR [...]',
    '',
    'Writes a checkpoint whose matrices are in another format, as --dtype would make them each time it is loaded. Everything',
    'else of it is copied.',
    '',
    ...flagLines(flags),
    '',
    'Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.',
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseConvertArguments(argv: readonly string[]): ConvertArguments | 'help' | 'version' {
  const values = new FlagValues('ff-convert', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  return {
    model: needed('model', values.text('model')),
    dtype: needed('dtype', values.oneOf('dtype', targetFormats)),
    out: needed('out', values.text('out')),
    shardBytes: values.count('shard-bytes', 1e15) ?? 5e9,
    force: values.has('force'),
    adapter: values.oneOf('adapter', adapterChoices) ?? 'auto',
    quiet: values.has('quiet'),
  };
}

function needed<T extends string>(flag: 'model' | 'dtype' | 'out', value: T | undefined): T {
  if (value) return value;
  throw new UsageError(`--${flag} ${flags[flag].value} is needed. See ff-convert --help.`);
}
