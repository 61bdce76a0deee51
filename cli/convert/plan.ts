/** What becomes of each tensor of a checkpoint that is converted; looks at no data. */
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Checkpoint, StoredDtype, TensorInfo } from '../../checkpoint/safetensors.ts';
import { type CheckpointLayout, layOutCheckpoint } from '../../checkpoint/safetensors-writer.ts';
import { InputError } from '../../engine/errors.ts';
import { Runtime } from '../../engine/runtime.ts';
import { virtualAdapter } from '../../engine/virtual-adapter.ts';
import { BLOCK, storedRow, type WeightFormat } from '../../kernels/weight.ts';
import type { StoredMatrix } from '../../models/packer.ts';
import { fileRowBytes } from '../../models/packer.ts';
import { loadCheckpoint, specOf } from '../../models/registry.ts';
import { FORMAT_KEY } from '../../models/weights.ts';

/** What a checkpoint can be converted to. */
export const targetFormats = ['q8', 'q4', 'f16', 'bf16'] as const;
export type TargetFormat = (typeof targetFormats)[number];

const storedDtypes: Record<TargetFormat, StoredDtype> = { q8: 'U32', q4: 'U32', f16: 'F16', bf16: 'BF16' };

/** What is asked of the new checkpoint. */
export interface PlanOptions {
  readonly dtype: TargetFormat;
  readonly shardBytes: number;
  /** Of this package, for the metadata. */
  readonly version: string;
}

/** A checkpoint to be, and where its tensors come from. */
export interface ConversionPlan {
  readonly format: TargetFormat;
  /** By name, the tensors that are packed; all others are copied. */
  readonly matrices: ReadonlyMap<string, StoredMatrix>;
  readonly layout: CheckpointLayout;
  /** All tensors of the source, in bytes. */
  readonly sourceBytes: number;
  /** Bits that a weight of a matrix takes. */
  readonly bits: number;
}

/**
 * The matrices of the checkpoint in a folder: what a model multiplies with, and nothing that it adds or never reads.
 *
 * @throws WeightsError if there is no model in the folder, or it and its config.json disagree; InputError if its weights
 *   lie in several folders.
 */
export async function matricesOf(folder: string, like: Runtime): Promise<readonly StoredMatrix[]> {
  const { weightFolders } = (await specOf(folderFiles(folder))).spec;
  if (weightFolders)
    throw new InputError(
      `${folder}: its weights lie in folders (${weightFolders.join(', ')}), which ff-convert does not write. Use --dtype when you run it.`,
    );
  using virtual = await Runtime.open(virtualAdapter(like));
  // As they are stored: whether this adapter could multiply in the format that they get does not matter.
  using model = await loadCheckpoint(folderFiles(folder), virtual, { dtype: 'auto' });
  return model.weights.matrices;
}

/**
 * Plans a conversion.
 *
 * @throws InputError if there is nothing to convert, or the weights are integers already.
 */
export function planConversion(
  checkpoint: Checkpoint,
  matrices: readonly StoredMatrix[],
  { dtype, shardBytes, version }: PlanOptions,
): ConversionPlan {
  checkConvertible(checkpoint.name, matrices, dtype);
  const packed = new Map(matrices.filter(({ format }) => format !== dtype).map((matrix) => [matrix.name, matrix]));
  const tensors = [...checkpoint.names()].map((name) => checkpoint.get(name));
  const sources = new Set([...packed.keys()].map((name) => checkpoint.get(name).dtype));
  return {
    format: dtype,
    matrices: packed,
    layout: layOutCheckpoint(
      tensors.map((tensor) => converted(tensor, packed.get(tensor.name), dtype)),
      { shardBytes, metadata: metadataOf(dtype, [...sources], version) },
    ),
    sourceBytes: tensors.reduce((total, { byteLength }) => total + byteLength, 0),
    bits: bitsOf(matrices, dtype),
  };
}

function bitsOf(matrices: readonly StoredMatrix[], format: TargetFormat): number {
  const sum = (of: (matrix: StoredMatrix) => number): number => matrices.reduce((total, one) => total + of(one), 0);
  const bytes = sum(({ rows, columns }) => rows * fileRowBytes({ format, columns }));
  return (8 * bytes) / sum(({ rows, columns }) => rows * columns);
}

function isInteger(format: WeightFormat): boolean {
  return storedRow(format, BLOCK).dtype === 'u32';
}

/** Integers cannot be had in another format: what rounding took away is gone. */
function checkConvertible(name: string, matrices: readonly StoredMatrix[], dtype: TargetFormat): void {
  const packed = matrices.find(({ format }) => isInteger(format) && format !== dtype);
  if (packed)
    throw new InputError(
      `${name}: its weights are in ${packed.format}, which cannot become ${dtype}. Convert the checkpoint that it was made from.`,
    );
  if (matrices.every(({ format }) => format === dtype))
    throw new InputError(`${name}: its weights are in ${dtype} already: nothing to convert.`);
}

/** Floats keep their shape, which may have more axes than a matrix; integers are rows of words. */
function converted(tensor: TensorInfo, matrix: StoredMatrix | undefined, dtype: TargetFormat): TensorInfo {
  const { name, shape } = tensor;
  if (!matrix) return tensor;
  const { rows, columns } = matrix;
  return {
    name,
    dtype: storedDtypes[dtype],
    shape: isInteger(dtype) ? [rows, storedRow(dtype, columns).length] : shape,
  };
}

/** docs/formats.md says what each key means. */
function metadataOf(dtype: TargetFormat, sources: readonly StoredDtype[], version: string): Record<string, string> {
  return {
    format: 'pt',
    ...(isInteger(dtype) && { [FORMAT_KEY]: dtype, 'framefusion.block': String(BLOCK) }),
    'framefusion.source': sources.join(', '),
    'framefusion.version': version,
  };
}
