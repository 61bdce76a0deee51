/** What goes through a queue: a video and how it is asked about, and what came of it. */
import { createHash } from 'node:crypto';
import type { ModelDefaults } from '../../models/defaults.ts';
import type { ModelDType } from '../../models/weights.ts';

/** A model as a worker is to have it. */
export interface WantedModel {
  /** What the catalogue or a user calls it, or the path of a folder. */
  readonly name: string;
  /** Of a model of the hub. */
  readonly commit?: string;
  /** Of a folder: see `folderMark`. */
  readonly content?: string;
  readonly dtype?: ModelDType;
  readonly defaults: ModelDefaults;
}

/** What all jobs of one command have in common. A worker loads the model anew when any of it changes. */
export interface Terms {
  /** Name and version of the program. */
  readonly version: string;
  readonly kind: 'eval' | 'describe';
  readonly model: WantedModel;
  /** What the kind asks with. */
  readonly settings: unknown;
}

/** One job. */
export interface Order {
  readonly batch: string;
  /** How often its worker may die over it. */
  readonly tries: number;
  readonly terms: Terms;
  readonly item: Item;
}

/** A video, and what else the kind needs. */
export interface Item {
  /** Absolute path, or address. */
  readonly video: string;
  /** See `contentMark`; null where that is not known. */
  readonly content: string | null;
}

/** What a worker returns. */
export interface Outcome<R = unknown> {
  readonly result: R;
  /** Of the weights, and what they are multiplied in. */
  readonly dtype: string;
  readonly adapter: string;
}

/** A short name for a value of JSON. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 24);
}

/** Ids of the jobs of a batch begin with this. */
export function idPrefix(batch: string): string {
  return `${batch}-`;
}

/** By content: the same work has the same id, whoever puts it into the queue and however often. */
export function idOf(batch: string, terms: Terms, item: Item): string {
  return `${idPrefix(batch)}${hashOf([terms, item])}`;
}
