import type { ConfigReader } from '../config.ts';

/** How positions become rotations. */
export interface RopeConfig {
  readonly ropeTheta: number;
  /** Frequencies are divided by it (linear scaling); 1 for none. */
  readonly ropeFactor: number;
  /**
   * The axis that each frequency of a head rotates by, `[headDim / 2]`: 0 time, 1 height, 2 width (M-RoPE); undefined: all by
   * one position.
   */
  readonly ropeAxes?: readonly number[];
  /** Positions from which on the frequencies would change (dynamic scaling), which is not built. */
  readonly maxPositions: number;
  /** Positions that the model was made for; infinite if its config does not say. */
  readonly contextLength: number;
}

/** Kinds of scaling, as `rope_type` names them; `mrope` is none, but positions on three axes. */
export type RopeScaling = 'linear' | 'dynamic' | 'mrope';

/** What a family's decoders can have. */
interface RopeKind {
  /** A model without any is always allowed, but `mrope` must be there. */
  readonly scalings: readonly RopeScaling[];
  readonly headDim: number;
  /** Whether the frequencies of three axes are interleaved where no key says it. */
  readonly isInterleaved: boolean;
}

/** Keys of a scaling that say nothing that others do not, or only what `read` checks. */
const KNOWN = [
  'type',
  'rope_type',
  'rope_theta',
  'factor',
  'mrope_section',
  'mrope_interleaved',
  'original_max_position_embeddings',
];

/**
 * The rotary positions of a decoder, as transformers 4 writes them (`rope_theta` and `rope_scaling`) or transformers 5
 * (`rope_parameters`).
 *
 * @throws WeightsError if a key is wrong, not understood, or asks for what is not built, or the two ways differ.
 */
export function ropeConfig(config: ConfigReader, kind: RopeKind): RopeConfig {
  const ways = ['rope_scaling', 'rope_parameters'].filter((key) => config.raw(key) !== undefined);
  const read = (way?: string): RopeConfig => {
    const scaling = way === undefined ? undefined : config.part(way);
    const theta = scaling?.raw('rope_theta') === undefined ? config : scaling;
    return { ropeTheta: theta.positive('rope_theta', 10000), ...scaled(config, scaling, kind) };
  };
  const [first = read(), second = first] = ways.map(read);
  if (JSON.stringify(first) !== JSON.stringify(second)) throw config.wrong('rope_scaling', 'what rope_parameters says');
  const theta = config.raw('rope_theta');
  if (theta !== undefined && config.positive('rope_theta') !== first.ropeTheta)
    throw config.wrong('rope_theta', `that of ${ways.join(' and ')}, ${first.ropeTheta}`);
  return first;
}

function scaled(
  config: ConfigReader,
  scaling: ConfigReader | undefined,
  { scalings: built, headDim, isInterleaved }: RopeKind,
): Omit<RopeConfig, 'ropeTheta'> {
  const trained = config.optionalSize('max_position_embeddings') ?? Number.POSITIVE_INFINITY;
  const plain = { ropeFactor: 1, maxPositions: Number.POSITIVE_INFINITY, contextLength: trained };
  const kind = kindOf(scaling, built);
  if (built.includes('mrope')) {
    if (!scaling) throw config.wrong('rope_scaling', 'an object');
    return { ...plain, ropeAxes: axesOf(scaling, headDim / 2, isInterleaved) };
  }
  if (!scaling || kind === 'default') return plain;
  const factor = scaling.positive('factor');
  if (kind === 'linear') return { ...plain, ropeFactor: factor, contextLength: trained * factor };
  // Dynamic scaling leaves the frequencies alone up to the length that the model was trained with.
  const maxPositions =
    scaling.optionalSize('original_max_position_embeddings') ?? config.size('max_position_embeddings');
  return { ...plain, maxPositions, contextLength: trained * factor };
}

/** Its key is `type`, later `rope_type`; the two stand side by side in files that were written anew, and may differ. */
function kindOf(scaling: ConfigReader | undefined, built: readonly RopeScaling[]): RopeScaling | 'default' {
  if (!scaling) return 'default';
  scaling.refuseBut([...KNOWN, 'partial_rotary_factor']);
  scaling.oneOf('partial_rotary_factor', [1], 1);
  const kinds = ['rope_type', 'type'].filter((key) => scaling.raw(key) !== undefined);
  const [kind = 'default'] = kinds.map((key) => scaling.oneOf<RopeScaling | 'default'>(key, [...built, 'default']));
  return kind;
}

/** The frequencies of an axis stand together, or interleaved: time, height, width, as far as each goes, and then time. */
function axesOf(scaling: ConfigReader, half: number, isInterleaved: boolean): readonly number[] {
  const sections = scaling.numbers('mrope_section');
  const [time = 0, height = 0, width = 0] = sections;
  if (sections.length !== 3 || !sections.every((n) => n > 0) || time + height + width !== half)
    throw scaling.wrong('mrope_section', `three numbers that make ${half}, half of a head`);
  if (!scaling.flag('mrope_interleaved', isInterleaved))
    return sections.flatMap((count, axis) => new Array(count).fill(axis));
  // Hugging Face `apply_interleaved_mrope`.
  return Array.from({ length: half }, (_, i) => (i < 3 * sections[i % 3]! ? i % 3 : 0));
}
