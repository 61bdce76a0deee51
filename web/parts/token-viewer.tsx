/** The viewer of reports, with a trace that grows while the model reads. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { playerSection } from '../../viewer/markup.ts';
import type { Advance } from '../../viewer/played.ts';
import { openViewer, type Viewer } from '../../viewer/viewer.ts';
import type { Traced } from '../engine/engine.ts';
import { wantsStill } from '../state/motion.ts';
import type { Page } from '../state/page.ts';

/** How long a layer is seen at least, in milliseconds: a GPU is through all of them in less. */
const LAYER_MS = 140;

export function TokenViewer({ page, traced }: { readonly page: Page; readonly traced: Traced }) {
  const root = useRef<HTMLDivElement>(null);
  const way = page.way.value;
  const sources = useMemo(
    () => traced.pictures.map(({ source }) => (typeof source === 'string' ? source : URL.createObjectURL(source))),
    [traced],
  );
  useEffect(() => () => sources.forEach(URL.revokeObjectURL), [sources]);
  const markup = useMemo(() => {
    const frames = traced.pictures.map(({ seconds }, i) => ({ source: sources[i]!, seconds }));
    return { __html: playerSection(traced.tokens, frames, traced).text };
  }, [traced, sources]);
  // A way that is shorter than before is that of another conversation.
  const began = useRef(0);
  const seen = useRef(0);
  if (way.length < seen.current) began.current++;
  seen.current = way.length;
  const paced = useRef<Paced | undefined>(undefined);
  useEffect(() => {
    const viewer = openViewer(root.current!.querySelector<HTMLElement>('.player')!, traced.tokens);
    paced.current = new Paced(viewer);
    return () => {
      paced.current?.close();
      viewer.close();
    };
  }, [traced, began.current]);
  useEffect(() => paced.current?.follow(way), [way]);
  return <div class="viewer" ref={root} dangerouslySetInnerHTML={markup} />;
}

/** Shows what comes no faster than eyes follow, and at once to who wants no motion. */
class Paced {
  readonly #viewer: Viewer;
  #way: readonly Advance[] = [];
  #shown = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(viewer: Viewer) {
    this.#viewer = viewer;
  }

  follow(way: readonly Advance[]): void {
    this.#way = way;
    if (wantsStill()) this.#show(way.length);
    else if (this.#timer === undefined) this.#next();
  }

  #next(): void {
    this.#timer = undefined;
    if (this.#shown >= this.#way.length) return;
    this.#show(this.#shown + 1);
    this.#timer = setTimeout(() => this.#next(), LAYER_MS);
  }

  #show(until: number): void {
    this.#viewer.advance(this.#way.slice(this.#shown, until));
    this.#shown = until;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
