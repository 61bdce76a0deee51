/** Conversations that may go on: a follow-up computes its own rows only. */
import { createHash } from 'node:crypto';
import type { Session } from '../models/session.ts';
import type { Turn } from '../models/text.ts';
import type { Asked } from './conversation.ts';
import type { Exhibits } from './exhibits.ts';
import type { Metrics } from './metrics.ts';
import type { Variant } from './served-model.ts';
import type { GpuCache, Lease } from './shared.ts';

/** A session that is forked and never asked itself, with a hold on what it is about. */
interface Kept extends Disposable {
  readonly session: Session;
}

/** A conversation as far as it has been had. */
export interface Talk extends Disposable {
  readonly session: Session;
  /** Whether rows of it were computed before. */
  readonly cached: boolean;
  /** Keeps the session for a follow-up; it belongs to the cache from then on. */
  keep(): void;
}

export class Conversations {
  readonly #cache: GpuCache;
  readonly #metrics: Metrics;

  constructor(cache: GpuCache, metrics: Metrics) {
    this.#cache = cache;
    this.#metrics = metrics;
  }

  /** A session that has computed nothing yet, and is not kept. */
  fresh({ model }: Variant, { videos: video, pictures }: Exhibits, { system, turns }: Asked): Talk {
    const session = model.session({ video, pictures }, { system, turns });
    return { session, cached: false, keep: () => undefined, [Symbol.dispose]: () => session[Symbol.dispose]() };
  }

  /** A session that stands where the question comes. */
  open(variant: Variant, exhibits: Exhibits, { system, turns }: Asked): Talk {
    const keyOf = (said: readonly Turn[]): string => keyOfTalk(variant.key, exhibits.key, system, said);
    const { model } = variant;
    const inputs = { video: exhibits.videos, pictures: exhibits.pictures };
    const before = this.#cache.get<Kept>(keyOf(turns));
    if (turns.length > 0) this.#metrics.cache.inc({ cache: 'session', result: before ? 'hit' : 'miss' });
    const rootKey = keyOf([]);
    // Rows before the question are every question's only where no reducer looks at that.
    const shares = exhibits.videos.length > 0 && (!model.reducer || model.reducer.onEncoded === true);
    const start =
      before ??
      (turns.length === 0 && shares ? this.#keep(rootKey, model.session(inputs, { system }), exhibits) : undefined);
    const session = start ? start.value.session.fork() : model.session(inputs, { system, turns });
    let kept = false;
    return {
      session,
      cached: before !== undefined,
      keep: () => {
        kept = true;
        if (start && turns.length === 0) this.#cache.resize(rootKey, start.value.session.sharedBytes);
        this.#keep(keyOf(session.turns), session, exhibits)[Symbol.dispose]();
        // Later than its sessions, so that they go before it.
        exhibits.touch();
      },
      [Symbol.dispose]: () => {
        start?.[Symbol.dispose]();
        if (!kept) session[Symbol.dispose]();
      },
    };
  }

  #keep(key: string, session: Session, exhibits: Exhibits): Lease<Kept> {
    const shown = exhibits.lease();
    const dispose = (): void => {
      session[Symbol.dispose]();
      shown[Symbol.dispose]();
    };
    return this.#cache.put<Kept>(key, { session, [Symbol.dispose]: dispose }, session.bytes);
  }
}

function keyOfTalk(variant: string, shown: string, system: string | undefined, turns: readonly Turn[]): string {
  const said = turns.map(({ question, answer }) => [question, answer]);
  const facts = JSON.stringify([variant, shown, system ?? null, said]);
  return `session ${createHash('sha256').update(facts).digest('hex')}`;
}
