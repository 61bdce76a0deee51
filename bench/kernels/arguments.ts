/** The flags of `ff-bench kernels`. */
import { commandLine, flag, listOf, on, oneOf, text, type Values } from '../../cli/flags.ts';
import { commonFlags, EXIT_CODES } from '../common/common.ts';
import { sizeNames } from './sizes.ts';

const flags = {
  sizes: flag(
    'A,B',
    `shapes of which model: ${sizeNames.join(', ')} (default both)`,
    listOf(oneOf(sizeNames)),
    sizeNames,
  ),
  kernel: flag('A,B,...', 'only these kernels, by the names of the table', listOf(text)),
  'compute-dtype': flag('f32|f16', 'activations (default f16 where the adapter has it)', oneOf(['f32', 'f16'])),
  quick: on('few rows and narrow matrices, for adapters that compute on the processor'),
  ...commonFlags,
};

/** What `ff-bench kernels` was asked to do. */
export type KernelArguments = Values<typeof flags>;

export const kernelsLine = commandLine('ff-bench kernels', {
  about: `Usage: ff-bench kernels [--quick] [--kernel A,B] [...]

Times every kernel at a model's shapes, against the adapter's copy bandwidth and its best
multiplication. Each result is compared with a reference in double precision first.`,
  flags,
  end: () => EXIT_CODES,
});
