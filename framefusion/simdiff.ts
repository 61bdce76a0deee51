import { InputError } from '../engine/errors.ts';
import { type Decision, keep, type Point, pass, type TokenReducer } from '../models/reduction.ts';
import { shareToRemove } from './budget.ts';
import { videoPlaces } from './pictures.ts';
import { pruneByAttention } from './prune.ts';
import { type BudgetOptions, budgetSettings, checkedBudget } from './shares.ts';
import { indices, Vectors } from './vectors.ts';

/** What the authors chose; golden data varies it. */
export interface SimDiffSettings {
  /** Cosine from which neighbours in time are connected, and above which those in space are. */
  readonly similarity: number;
  /** Cosine to the frame before below which a token is an event. */
  readonly event: number;
  /** Layers that the budget counts: the decoder's own, or so many. */
  readonly budgetLayers: 'own' | number;
}

export const simDiffSettings: SimDiffSettings = { similarity: 0.8, event: 0.2, budgetLayers: 'own' };

/**
 * ST-SimDiff (ICLR 2026): tokens alike in space and time are components; each loses its least central members, but no event.
 * Then FrameFusion's pruning, after the attention of layer 1.
 *
 * Newlines are tokens like any others: their column is the last of a row. Text between frames stays. Positions stay. The budget
 * counts two layers before the pruning, which see what the first stage left; the authors' code (`parity`) counts one.
 *
 * @throws InputError if a setting is outside what is allowed.
 */
export function simDiff(options: BudgetOptions, chosen: SimDiffSettings = simDiffSettings): TokenReducer {
  const budget = checkedBudget('simdiff', options);
  const settings = { ...chosen, similarity: budget.similarityLowerBound ?? chosen.similarity };
  return {
    name: 'simdiff',
    settings: budgetSettings(budget, { similarity: settings.similarity }),
    start: ({ layers }) => {
      const own = settings.budgetLayers === 'own' ? layers : settings.budgetLayers;
      const run = new SimDiffRun(budget, settings, own);
      return (at) => (at.at === 'input' ? run.select(at) : at.at === 1 ? run.prune(at) : undefined);
    },
  };
}

/** ST-SimDiff at work on one prompt. */
export class SimDiffRun {
  /** Share that the first stage removed, once for each layer that it is counted for. */
  sparsityList: number[] = [];
  readonly #budget: BudgetOptions;
  readonly #settings: SimDiffSettings;
  readonly #layers: number;

  constructor(budget: BudgetOptions, settings: SimDiffSettings, layers: number) {
    this.#budget = budget;
    this.#settings = settings;
    this.#layers = layers;
  }

  /** The first stage. */
  async select({ rec, tokens: { hidden, layout }, grid }: Point): Promise<Decision> {
    const { cost, keep: left = cost, parity } = this.#budget;
    if (layout.videos.length > 1)
      throw new InputError("simdiff: its lattice is one video's. Ask about each in a question of its own.");
    const places = videoPlaces(layout);
    const [, dim] = hidden.shape2();
    const stretch = (await rec.read(hidden.rows(layout.first, layout.length))) as Float32Array;
    const video = new Vectors(stretch, dim).pick(places);
    const columns = grid ? grid.columns + (grid.newlines === 'row' ? 1 : 0) : layout.perFrame;
    const rows = grid?.rows ?? 1;
    const lattice = { perFrame: layout.perFrame, columns, rows };
    const graph = connect(video, lattice, this.#settings);
    const share = shareToRemove([], left, this.#layers);
    const dropped = new Set(leastCentral(graph, share));
    if (graph.components.length > 0) {
      const removed = dropped.size / places.length;
      // Layers 0 and 1 both see what is left.
      this.sparsityList = parity ? [removed] : [removed, 0];
    }
    if (dropped.size === 0) return pass({ budgetShare: share });
    const stay = places.filter((_, i) => !dropped.has(i));
    return keep([...layout.text, ...stay], { budgetShare: share });
  }

  /** FrameFusion's pruning; a budget that the first layers alone exceed leaves nothing to the others. */
  prune(at: Point): Decision {
    const { cost, keep: left, parity } = this.#budget;
    const told = left === undefined ? this.#shareToPrune(cost) : Math.max(0, 1 - left / this.#left());
    const last = parity ? 1 : at.tokens.layout.scoreRows;
    return pruneByAttention(at, { share: 1 - told, separators: 'keep', last }, { budgetShare: told });
  }

  #left(): number {
    return this.sparsityList.reduce((share, removed) => share * (1 - removed), 1);
  }

  #shareToPrune(cost: number): number {
    return shareToRemove(this.sparsityList, cost, this.#layers, this.#budget.parity ? 'refuse' : 'drop');
  }
}

/** A frame's tokens: `rows` x `columns`, and what else there is of it, which has no neighbours in space. */
export interface Lattice {
  readonly perFrame: number;
  readonly rows: number;
  readonly columns: number;
}

/** Tokens that are alike, connected. */
export interface Graph {
  readonly components: readonly (readonly number[])[];
  /** Mean cosine over pairs of different members, of each component. */
  readonly scores: readonly number[];
  /** Mean cosine of each token to its component, itself included; 0 without one. */
  readonly centrality: Float64Array;
  readonly events: ReadonlySet<number>;
  /**
   * Cosines to the token before in time (NaN for zero vectors, -2 in the first frame), to the right and below (0 at the edge).
   */
  readonly temporal: Float64Array;
  readonly right: Float64Array;
  readonly below: Float64Array;
}

/** Connects each token with its neighbours. */
export function connect(video: Vectors, lattice: Lattice, { similarity, event }: SimDiffSettings): Graph {
  const { perFrame, rows, columns } = lattice;
  const temporal = new Float64Array(video.count).fill(-2);
  const right = new Float64Array(video.count);
  const below = new Float64Array(video.count);
  const edges = new Forest(video.count);
  const events = new Set<number>();
  for (let token = 0; token < video.count; token++) {
    const place = token % perFrame;
    const [row, column] = [Math.floor(place / columns), place % columns];
    if (token >= perFrame) {
      const before = token - perFrame;
      temporal[token] = video.dot(token, before) / (video.norm(token) * video.norm(before));
      if (temporal[token]! >= similarity) edges.join(token, before);
      if (temporal[token]! < event) events.add(token);
    }
    if (row < rows && column + 1 < columns) {
      right[token] = video.cosine(token, token + 1);
      if (right[token]! > similarity) edges.join(token, token + 1);
    }
    if (row + 1 < rows) {
      below[token] = video.cosine(token, token + columns);
      if (below[token]! > similarity) edges.join(token, token + columns);
    }
  }
  const components = edges.groups();
  return { components, events, temporal, right, below, ...centralities(video, components) };
}

/** Both follow from the sum of a component's unit vectors. */
function centralities(video: Vectors, components: Graph['components']): Pick<Graph, 'scores' | 'centrality'> {
  const centrality = new Float64Array(video.count);
  const scores = components.map((members) => {
    const k = members.length;
    const unit = (token: number): number => 1 / Math.max(video.norm(token), Number.MIN_VALUE);
    const sum = video.sums([members.map((token) => [token, unit(token)])]);
    for (const token of members) centrality[token] = (video.dot(token, 0, sum) * unit(token)) / k;
    return (sum.dot(0, 0) - k) / (k * (k - 1));
  });
  return { scores, centrality };
}

/** The tokens that go: of the most alike components first, until the next would be too much. */
export function leastCentral({ components, scores, centrality, events }: Graph, share: number): number[] {
  const all = centrality.length;
  const dropped: number[] = [];
  for (const i of indices(components.length).sort((a, b) => scores[b]! - scores[a]! || a - b)) {
    const members = components[i]!;
    const size = Math.ceil(members.length * share);
    if ((dropped.length + size) / all > share) break;
    const peripheral = members.toSorted((a, b) => centrality[a]! - centrality[b]! || b - a).slice(0, size);
    dropped.push(...peripheral.filter((token) => !events.has(token)));
  }
  return dropped;
}

/** Disjoint sets. */
class Forest {
  readonly #parent: Int32Array;
  readonly #joined: Uint8Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, i) => i);
    this.#joined = new Uint8Array(count);
  }

  join(a: number, b: number): void {
    this.#joined[a] = this.#joined[b] = 1;
    const [x, y] = [this.#root(a), this.#root(b)];
    this.#parent[Math.max(x, y)] = Math.min(x, y);
  }

  /** Members of each set of several, ascending; sets by their first. */
  groups(): number[][] {
    const groups = new Map<number, number[]>();
    for (let i = 0; i < this.#parent.length; i++) {
      if (!this.#joined[i]) continue;
      const root = this.#root(i);
      const group = groups.get(root);
      if (group) group.push(i);
      else groups.set(root, [i]);
    }
    return [...groups.values()];
  }

  #root(i: number): number {
    let at = i;
    while (this.#parent[at] !== at) at = this.#parent[at] = this.#parent[this.#parent[at]!]!;
    return at;
  }
}
