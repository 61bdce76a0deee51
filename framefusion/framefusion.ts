import { InputError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import {
  lastRowAttention,
  type Survivors,
  similarity,
  survivorsOfMerge,
  threshold,
  topK,
} from '../kernels/reduce/index.ts';
import type { Attended, Look, Reduction, ReductionStep, TokenReducer, Tokens } from '../models/reduction.ts';
import { shareToRemove } from './budget.ts';
import { prune } from './prune.ts';
import { shorten } from './shorten.ts';

/** Settings of FrameFusion, under the names of the reference. */
export interface FrameFusionOptions {
  /** Share of the video tokens, averaged over the layers, that may be computed; in (0, 1]. */
  readonly cost: number;
  /** Cosine similarity to the frame before from which a token may be merged; default 0.6. */
  readonly similarityLowerBound?: number;
  /** Merging ends when it finds less than this share of the tokens; default 0.1. */
  readonly ratioLowerBound?: number;
  /**
   * Layers that the budget is computed for: `own`, the default, is the decoder's number. The reference has 28
   * whatever the model.
   */
  readonly budgetLayers?: 'own' | number;
  /** `compact` also drops the removed rows from the cache of the layer that removed them; default `keep`. */
  readonly kv?: 'keep' | 'compact';
  /**
   * Text between the frames, where a family has some: `keep`, the default, never prunes it; `prune` lets it compete with
   * the video's tokens, as the reference does.
   */
  readonly separators?: 'keep' | 'prune';
  /** Last rows of the prompt whose attention ranks the tokens: `own`, the default, as many as the family's reference. */
  readonly scoreRows?: 'own' | number;
}

/**
 * Options with their defaults filled in. What was added after results were kept by them is named only where it departs from
 * the default.
 */
export type FrameFusionSettings = Required<Omit<FrameFusionOptions, 'separators' | 'scoreRows'>> &
  Pick<FrameFusionOptions, 'separators' | 'scoreRows'>;

/** Settings with defaults filled in. @throws InputError if one is outside what is allowed. */
function checked(options: FrameFusionOptions): FrameFusionSettings {
  const { cost, similarityLowerBound = 0.6, ratioLowerBound = 0.1 } = options;
  const { budgetLayers = 'own', kv = 'keep', separators = 'keep', scoreRows = 'own' } = options;
  if (!(cost > 0 && cost <= 1)) throw new InputError(`cost must be above 0 and at most 1, got ${cost}.`);
  // Not above 1 is no rule: a bound that nothing reaches is how merging is switched off. The first token of a chain has
  // similarity -2 and nothing to be merged into.
  if (!(similarityLowerBound > -2))
    throw new InputError(`similarity bound must be a number above -2, got ${similarityLowerBound}.`);
  if (!(ratioLowerBound >= 0 && ratioLowerBound <= 1))
    throw new InputError(`ratio bound must lie in 0 to 1, got ${ratioLowerBound}.`);
  if (budgetLayers !== 'own' && !(Number.isInteger(budgetLayers) && budgetLayers > 0))
    throw new InputError(`budget layers must be 'own' or a positive integer, got ${budgetLayers}.`);
  if (scoreRows !== 'own' && !(Number.isInteger(scoreRows) && scoreRows > 0))
    throw new InputError(`score rows must be 'own' or a positive integer, got ${scoreRows}.`);
  return {
    cost,
    similarityLowerBound,
    ratioLowerBound,
    budgetLayers,
    kv,
    ...(separators === 'prune' && { separators }),
    ...(scoreRows !== 'own' && { scoreRows }),
  };
}

/** FrameFusion (Fu et al., ICCV 2025): merges similar tokens of successive frames, then prunes the unimportant once. */
export class FrameFusion implements TokenReducer {
  readonly name = 'framefusion';
  readonly settings: FrameFusionSettings;

  /** @throws InputError if a setting is outside what is allowed. */
  constructor(options: FrameFusionOptions) {
    this.settings = checked(options);
  }

  /** Starts on one prompt. The budget covers `layers`, unless the settings say how many. */
  start(_tokens: Tokens, layers: number, look?: Look): FrameFusionRun {
    const { budgetLayers } = this.settings;
    return new FrameFusionRun(this.settings, budgetLayers === 'own' ? layers : budgetLayers, { look });
  }
}

/** How far a run has come; the names are the reference's. */
export interface FrameFusionState {
  finishMerging: boolean;
  finishPruning: boolean;
  /** Share of the tokens that each merge removed of what it found. */
  sparsityList: number[];
}

type Outcome = Omit<ReductionStep, 'layer' | 'rowsIn' | 'rowsOut'> & { tokens: Tokens };

/** FrameFusion at work on one prompt. */
export class FrameFusionRun implements Reduction {
  readonly state: FrameFusionState;
  readonly steps: ReductionStep[] = [];
  readonly #settings: FrameFusionSettings;
  readonly #budgetLayers: number;
  readonly #look: Look | undefined;

  constructor(
    settings: FrameFusionSettings,
    budgetLayers: number,
    { state, look }: { readonly state?: FrameFusionState; readonly look?: Look | undefined } = {},
  ) {
    this.#settings = settings;
    this.#budgetLayers = budgetLayers;
    this.#look = look;
    this.state = state ?? { finishMerging: false, finishPruning: false, sparsityList: [] };
  }

  beforeAttention(rec: Recorder, layer: number, tokens: Tokens): Promise<Tokens> | Tokens {
    return layer === 0 ? this.call(rec, -1, tokens) : tokens;
  }

  afterAttention(rec: Recorder, layer: number, tokens: Tokens, seen: Attended): Promise<Tokens> {
    const { scoreRows: asked = 'own' } = this.#settings;
    const rows = asked === 'own' ? tokens.layout.scoreRows : asked;
    const weights = (): Tensor => lastRowAttention(rec, seen.q, seen.k, seen.heads, rows);
    const drop = (survivors: Survivors, kept: number): void => {
      if (this.#settings.kv === 'compact') seen.keepRows(rec, survivors, kept);
    };
    return this.call(rec, layer, tokens, weights, drop);
  }

  /**
   * One call of the stage: prunes if merging is over, else merges.
   *
   * @param layer - For reports; -1 for the call before layer 0.
   * @param weights - Attention of the last rows, `[last * heads, rows]`, where a layer has just computed it.
   * @param dropped - Told who survives a reduction.
   * @throws InputError if the budget cannot be met.
   * @see FrameFusion main.py, forward.
   */
  async call(
    rec: Recorder,
    layer: number,
    tokens: Tokens,
    weights?: () => Tensor,
    dropped?: (survivors: Survivors, kept: number) => void,
  ): Promise<Tokens> {
    const [rowsIn] = tokens.hidden.shape2();
    const { finishMerging, finishPruning } = this.state;
    if (rowsIn <= 1 || tokens.layout.tokens === 0 || (finishMerging && finishPruning)) return tokens;
    const step = finishMerging
      ? weights && this.#prune(rec, tokens, weights, dropped)
      : await this.#merge(rec, tokens, dropped);
    if (!step) return tokens;
    const { tokens: left, ...what } = step;
    this.steps.push({ layer, ...what, rowsIn, rowsOut: left.hidden.shape2()[0] });
    return left;
  }

  async #merge(rec: Recorder, tokens: Tokens, dropped?: (s: Survivors, kept: number) => void): Promise<Outcome> {
    const { state } = this;
    const { cost, similarityLowerBound: bound, ratioLowerBound } = this.#settings;
    const { layout, hidden } = tokens;
    const budgetShare = shareToRemove(state.sparsityList, cost, this.#budgetLayers);
    if (budgetShare === 0) {
      // All that is left fits: no similarity can be below a share of 0, so none is computed.
      state.finishMerging = state.finishPruning = true;
      return { action: 'none', tokens, budgetShare };
    }
    const { key, count } = similarity(rec, hidden, layout.planes, layout.tokens, bound);
    this.#look?.({ similarity: key, bound });
    const similar = Number((await rec.read(count))[0]);
    const similarShare = similar / layout.tokens;
    if (similarShare < budgetShare) {
      state.sparsityList.push(similarShare);
      if (similarShare < ratioLowerBound) state.finishMerging = true;
      const merged = this.#collapse(rec, tokens, similar, () => threshold(rec, key, bound), dropped);
      return { action: similar > 0 ? 'merge' : 'none', tokens: merged, similarShare, budgetShare };
    }
    state.finishMerging = state.finishPruning = true;
    const most = Math.trunc(budgetShare * layout.tokens);
    const merged = this.#collapse(rec, tokens, most, () => topK(rec, key, most), dropped);
    return { action: most > 0 ? 'merge-to-budget' : 'none', tokens: merged, similarShare, budgetShare };
  }

  #collapse(
    rec: Recorder,
    tokens: Tokens,
    count: number,
    choose: () => Tensor,
    dropped?: (s: Survivors, kept: number) => void,
  ): Tokens {
    if (count === 0) return tokens;
    return shorten(rec, tokens, survivorsOfMerge(rec, tokens.layout.planes, choose()), count, true, dropped);
  }

  #prune(
    rec: Recorder,
    tokens: Tokens,
    weights: () => Tensor,
    dropped?: (s: Survivors, kept: number) => void,
  ): Outcome {
    const { cost, separators = 'keep' } = this.#settings;
    const budgetShare = shareToRemove(this.state.sparsityList, cost, this.#budgetLayers);
    this.state.finishPruning = true;
    const left = prune(rec, tokens, weights, { share: 1 - budgetShare, separators, dropped, look: this.#look });
    return { action: left === tokens ? 'none' : 'prune', tokens: left, budgetShare };
  }
}
