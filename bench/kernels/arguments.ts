/** The flags of `ff-bench kernels`. */
import { type FlagTable, FlagValues, flagLines, given } from '../../cli/flags.ts';
import { type CommonArguments, commonArguments, commonFlags, EXIT_CODES } from '../common/common.ts';
import { type SizeName, sizeNames } from './sizes.ts';

/** What `ff-bench kernels` was asked to do. */
export interface KernelArguments extends CommonArguments {
  readonly sizes: readonly SizeName[];
  /** Names of kernels; absent: all. */
  readonly kernels?: readonly string[];
  readonly computeDtype?: 'f32' | 'f16';
  readonly quick: boolean;
}

const flags = {
  sizes: { value: 'A,B', help: `shapes of which model: ${sizeNames.join(', ')} (default both)` },
  kernel: { value: 'A,B,...', help: 'only these kernels, by the names of the table' },
  'compute-dtype': { value: 'f32|f16', help: 'activations (default f16 where the adapter has it)' },
  quick: { help: 'few rows and narrow matrices, for adapters that compute on the processor' },
  ...commonFlags,
} as const satisfies FlagTable;

export function kernelsHelp(): string {
  return [
    'Usage: ff-bench kernels [--quick] [--kernel A,B] [...]',
    '',
    "Times every kernel at a model's shapes, against the adapter's copy bandwidth and its best",
    'multiplication. Each result is compared with a reference in double precision first.',
    '',
    ...flagLines(flags),
    '',
    EXIT_CODES,
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseKernels(argv: readonly string[]): KernelArguments | 'help' | 'version' {
  const values = new FlagValues('ff-bench kernels', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  return {
    ...commonArguments(values),
    sizes: values.someOf('sizes', sizeNames) ?? sizeNames,
    ...given('kernels', values.text('kernel')?.split(',')),
    ...given('computeDtype', values.oneOf('compute-dtype', ['f32', 'f16'])),
    quick: values.has('quick'),
  };
}
