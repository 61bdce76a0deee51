import { InputError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import { shownValue } from '../engine/text.ts';
import { similarity, threshold, topK } from '../kernels/reduce/index.ts';
import {
  type Decide,
  type Decision,
  merge,
  type Point,
  pass,
  type Start,
  type TokenReducer,
} from '../models/reduction.ts';
import { checkedCost, shareToRemove } from './budget.ts';
import { pruneByAttention } from './prune.ts';

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
  /**
   * Where the first layers alone exceed the budget: `refuse`, the default, is an error, as in the reference; `drop` leaves no
   * video token to the others, and exceeds it.
   */
  readonly overspent?: 'refuse' | 'drop';
}

/** Options with defaults filled in. Newer ones appear only when they are not the default, so that old result keys stay valid. */
export type FrameFusionSettings = Required<Omit<FrameFusionOptions, 'separators' | 'scoreRows' | 'overspent'>> &
  Pick<FrameFusionOptions, 'separators' | 'scoreRows'>;

function requireOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw new InputError(`${name} must be ${allowed.join(' or ')}, got ${shownValue(value)}.`);
}

/** Settings with defaults filled in. @throws InputError if one is outside what is allowed. */
function checked(options: FrameFusionOptions): FrameFusionSettings {
  requireObject('FrameFusion', 'options: { cost, ... }', options);
  const { cost, similarityLowerBound = 0.6, ratioLowerBound = 0.1 } = options;
  const { budgetLayers = 'own', kv = 'keep', separators = 'keep', scoreRows = 'own', overspent = 'refuse' } = options;
  checkedCost(cost);
  // Not above 1 is no rule: a bound that nothing reaches is how merging is switched off. The first token of a chain has
  // similarity -2 and nothing to be merged into.
  if (!(typeof similarityLowerBound === 'number' && similarityLowerBound > -2))
    throw new InputError(`similarityLowerBound must be a number above -2, got ${shownValue(similarityLowerBound)}.`);
  if (!(typeof ratioLowerBound === 'number' && ratioLowerBound >= 0 && ratioLowerBound <= 1))
    throw new InputError(`ratioLowerBound must lie in 0 to 1, got ${shownValue(ratioLowerBound)}.`);
  if (budgetLayers !== 'own' && !(Number.isInteger(budgetLayers) && budgetLayers > 0))
    throw new InputError(`budgetLayers must be 'own' or a positive integer, got ${shownValue(budgetLayers)}.`);
  if (scoreRows !== 'own' && !(Number.isInteger(scoreRows) && scoreRows > 0))
    throw new InputError(`scoreRows must be 'own' or a positive integer, got ${shownValue(scoreRows)}.`);
  requireOneOf('kv', kv, ['keep', 'compact']);
  requireOneOf('separators', separators, ['keep', 'prune']);
  requireOneOf('overspent', overspent, ['refuse', 'drop']);
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
  /** No setting to tell results apart by: where both ways answer, they answer alike. */
  readonly #overspent: FrameFusionOptions['overspent'];

  /** @throws InputError if a setting is outside what is allowed. */
  constructor(options: FrameFusionOptions) {
    this.settings = checked(options);
    this.#overspent = options.overspent;
  }

  /** Starts on one prompt. The budget covers its layers, unless the settings say how many. */
  start({ layers }: Start): Decide {
    const { budgetLayers } = this.settings;
    const settings = { ...this.settings, ...(this.#overspent && { overspent: this.#overspent }) };
    const run = new FrameFusionRun(settings, budgetLayers === 'own' ? layers : budgetLayers);
    return (at) => run.decide(at);
  }
}

/** How far a run has come; the names are the reference's. */
export interface FrameFusionState {
  finishMerging: boolean;
  finishPruning: boolean;
  /** Share of the tokens that each merge removed of what it found. */
  sparsityList: number[];
}

/** FrameFusion at work on one prompt. */
export class FrameFusionRun {
  readonly state: FrameFusionState;
  readonly #settings: FrameFusionSettings & Pick<FrameFusionOptions, 'overspent'>;
  readonly #budgetLayers: number;

  constructor(
    settings: FrameFusionSettings & Pick<FrameFusionOptions, 'overspent'>,
    budgetLayers: number,
    state: FrameFusionState = { finishMerging: false, finishPruning: false, sparsityList: [] },
  ) {
    this.#settings = settings;
    this.#budgetLayers = budgetLayers;
    this.state = state;
  }

  /**
   * One call of the stage: prunes if merging is over, else merges.
   *
   * @throws InputError if the budget cannot be met.
   * @see FrameFusion main.py, forward.
   */
  async decide(at: Point): Promise<Decision | undefined> {
    const { finishMerging, finishPruning } = this.state;
    if (finishMerging && finishPruning) return undefined;
    if (!finishMerging) return this.#merge(at);
    return at.attention && this.#prune(at);
  }

  async #merge({ rec, tokens: { hidden, layout } }: Point): Promise<Decision> {
    const { state } = this;
    const { similarityLowerBound: bound, ratioLowerBound, kv } = this.#settings;
    const budgetShare = this.#budgetShare();
    if (budgetShare === 0) {
      // All that is left fits: no similarity can be below a share of 0, so none is computed.
      state.finishMerging = state.finishPruning = true;
      return pass({ budgetShare });
    }
    const { key, count } = similarity(rec, hidden, layout.planes, { tokens: layout.tokens, bound });
    // A virtual adapter reads zeros, as counts of faults must be; of a count of finds only who asks for it knows. One token stands for
    // what a video has, so that plans know the kernels of a merge.
    const similar = Number((await rec.read(count))[0]) || Number(rec.runtime.virtual);
    const similarShare = similar / layout.tokens;
    const told = { evidence: { similarity: key, bound }, similarShare, budgetShare, compactCache: kv === 'compact' };
    if (similarShare < budgetShare) {
      state.sparsityList.push(similarShare);
      if (similarShare < ratioLowerBound) state.finishMerging = true;
      if (similar === 0) return pass(told);
      return merge({ runs: threshold(rec, key, bound), removed: similar }, told);
    }
    state.finishMerging = state.finishPruning = true;
    const most = Math.trunc(budgetShare * layout.tokens);
    if (most === 0) return pass(told);
    return merge({ runs: topK(rec, key, most), removed: most }, { ...told, action: 'merge-to-budget' });
  }

  #prune(at: Point): Decision {
    const { separators = 'keep', scoreRows = 'own', kv } = this.#settings;
    const budgetShare = this.#budgetShare();
    this.state.finishPruning = true;
    const last = scoreRows === 'own' ? at.tokens.layout.scoreRows : scoreRows;
    const told = { budgetShare, compactCache: kv === 'compact' };
    return pruneByAttention(at, { share: 1 - budgetShare, separators, last }, told);
  }

  #budgetShare(): number {
    const { cost, overspent } = this.#settings;
    return shareToRemove(this.state.sparsityList, cost, this.#budgetLayers, overspent);
  }
}
