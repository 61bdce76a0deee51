/**
 * Plays a reduction: draws the patches over the frames as they are at the slider's layer, and tells about the patch under the
 * pointer or the cursor. Its elements are those of `markup.ts`; reports carry it, and the page imports it.
 */
import { drawFrame, paintOf } from './draw.ts';
import { type Cell, columnsOf, Tokens } from './layout.ts';
import { type Advance, advanced, type Played } from './played.ts';

/** The longest that a point is shown while it plays, and the longest that all are, in milliseconds. */
const [POINT_MS, ALL_MS] = [900, 9000];

/** A reduction on a page. */
export interface Viewer {
  /** Stands at a point. */
  move(point: number): void;
  /** Goes one place further than there was, as it comes. */
  advance(further: readonly Advance[]): void;
  /** Takes its listeners off. */
  close(): void;
}

/** @param root - The player of `markup.ts`. @param data - What is played; the viewer stands at its last point. */
export function openViewer(root: HTMLElement, data: Played): Viewer {
  return new OpenViewer(root, data);
}

class OpenViewer implements Viewer {
  readonly #slider: HTMLInputElement;
  readonly #play: HTMLElement;
  readonly #count: HTMLElement;
  readonly #told: HTMLElement;
  readonly #board: HTMLElement;
  readonly #thread: Element;
  readonly #views: readonly HTMLElement[];
  readonly #ended = new AbortController();
  #tokens: Tokens;
  #cursor = -1;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(root: HTMLElement, data: Played) {
    const find = <T extends Element = HTMLElement>(name: string): T => root.querySelector<T>(`#${name}`)!;
    this.#slider = find('point');
    this.#play = find('play');
    this.#count = find('count');
    this.#told = find('told');
    this.#board = find('board');
    this.#thread = find('thread');
    this.#views = [...this.#board.querySelectorAll<HTMLElement>('.view')];
    this.#tokens = new Tokens(data, data.points.length - 1);
    this.#tell();
    this.#listen();
  }

  move(point: number): void {
    const { data } = this.#tokens;
    this.#tokens = new Tokens(data, Math.max(0, Math.min(data.points.length - 1, point)));
    this.#show();
  }

  advance(further: readonly Advance[]): void {
    const data = further.reduce(advanced, this.#tokens.data);
    this.#tokens = new Tokens(data, data.points.length - 1);
    this.#show();
  }

  close(): void {
    this.#stop();
    this.#ended.abort();
  }

  #show(): void {
    this.#tell();
    this.#draw();
    this.#choose(this.#cursor);
  }

  /** What the slider says. */
  #tell(): void {
    const { data, point } = this.#tokens;
    const { label, left, merged, pruned } = data.points[point]!;
    this.#slider.max = String(data.points.length - 1);
    this.#slider.value = String(point);
    this.#slider.setAttribute('aria-valuetext', label);
    this.#count.textContent = `${label}. Of ${this.#tokens.count} video tokens ${left} are left, ${merged} merged, ${pruned} pruned.`;
    Object.assign(this.#count.dataset, { left, merged, pruned });
  }

  #draw(): void {
    const paint = paintOf(this.#board);
    const sheets = this.#views.map((view) => ({
      ...{ view, canvas: view.querySelector('canvas')! },
      ...{ width: view.clientWidth, height: view.clientHeight },
    }));
    for (const [frame, { view, ...sheet }] of sheets.entries()) {
      const [left, of] = drawFrame(frame, sheet, this.#tokens, paint);
      view.parentElement!.querySelector('.left')!.textContent = `${left}/${of}`;
    }
  }

  #choose(token: number): void {
    this.#cursor = token;
    this.#told.textContent = token < 0 ? this.#told.dataset.hint! : this.#tokens.tell(token);
    this.#drawThread(token);
  }

  /** The boxes of all that one survivor stands for, and the line that runs back through the frames to it. */
  #drawThread(token: number): void {
    this.#thread.replaceChildren();
    if (token < 0) return;
    const way = this.#tokens.wayOf(token);
    for (const member of new Set([...this.#tokens.groupOf(token), ...way])) {
      const name = member === token ? 'cursor' : member === way.at(-1) ? 'end' : 'member';
      this.#add('rect', { ...this.#boxOf(member), class: name });
    }
    const stations = way.flatMap((one, i) => (i === 0 ? [one] : [...this.#between(way[i - 1]!, one), one]));
    if (stations.length < 2) return;
    const boxes = stations.map((station) => this.#boxOf(station));
    const points = boxes.map(({ x, y, width, height }) => `${x + width / 2} ${y + height / 2}`).join(' ');
    for (const name of ['under', 'over']) this.#add('polyline', { points, class: name });
  }

  /** The same place in the frames between two tokens. */
  #between(from: number, to: number): number[] {
    const { perFrame } = this.#tokens.data;
    if (from % perFrame !== to % perFrame) return [];
    const frames = this.#tokens.frameOf(from) - this.#tokens.frameOf(to) - 1;
    return Array.from({ length: Math.max(0, frames) }, (_, i) => from - (i + 1) * perFrame);
  }

  #add(name: string, attributes: Readonly<Record<string, string | number>>): void {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    this.#thread.append(element);
  }

  /** A token's box on the board, in pixels. */
  #boxOf(token: number): { x: number; y: number; width: number; height: number } {
    const view = this.#views[this.#tokens.frameOf(token)]!.getBoundingClientRect();
    const origin = this.#board.getBoundingClientRect();
    const { row, column } = this.#tokens.placeOf(token);
    const { data } = this.#tokens;
    const [width, height] = [view.width / columnsOf(data), view.height / data.rows];
    return { x: view.left - origin.left + column * width, y: view.top - origin.top + row * height, width, height };
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#play.textContent = 'Play';
  }

  #start(): void {
    const last = this.#tokens.data.points.length - 1;
    this.#play.textContent = 'Stop';
    if (this.#tokens.point === last) this.move(0);
    const next = (): void => {
      this.move(this.#tokens.point + 1);
      if (this.#tokens.point === last) this.#stop();
    };
    this.#timer = setInterval(next, Math.min(POINT_MS, ALL_MS / (last + 1)));
  }

  #listen(): void {
    const { signal } = this.#ended;
    const on = <E extends Event>(target: EventTarget, name: string, act: (event: E) => void): void =>
      target.addEventListener(name, act as (event: Event) => void, { signal });
    on(this.#slider, 'input', () => {
      this.#stop();
      this.move(Number(this.#slider.value));
    });
    on(this.#play, 'click', () => (this.#timer ? this.#stop() : this.#start()));
    for (const name of ['pointermove', 'pointerdown'])
      on<PointerEvent>(this.#board, name, (event) => {
        const token = this.#under(event);
        if (token !== this.#cursor && (token >= 0 || event.pointerType === 'mouse')) this.#choose(token);
      });
    on(this.#board, 'mouseleave', () => this.#choose(-1));
    on<KeyboardEvent>(this.#board, 'keydown', (event) => this.#walk(event));
    on(matchMedia('(prefers-color-scheme: dark)'), 'change', () => this.#draw());
    // It is called as soon as the board is laid out: to draw before would lay it out for that alone.
    const resized = new ResizeObserver(() => {
      this.#draw();
      this.#drawThread(this.#cursor);
    });
    resized.observe(this.#board);
    signal.addEventListener('abort', () => resized.disconnect());
  }

  /** The token under a pointer, -1 between them. */
  #under(event: PointerEvent): number {
    const { data } = this.#tokens;
    const frame = this.#views.indexOf((event.target as Element).closest<HTMLElement>('.view')!);
    if (frame < 0) return -1;
    const { left, top, width, height } = this.#views[frame]!.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * columnsOf(data);
    const y = ((event.clientY - top) / height) * data.rows;
    const isUnder = ({ row, column }: Cell): boolean => x >= column && x < column + 1 && y >= row && y < row + 1;
    const end = Math.min((frame + 1) * data.perFrame, this.#tokens.count);
    for (let token = frame * data.perFrame; token < end; token++)
      if (isUnder(this.#tokens.placeOf(token))) return token;
    return -1;
  }

  /** Arrow keys walk over the patches, page keys over the frames. */
  #walk(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.#choose(-1);
    const { newlines, columns, perFrame } = this.#tokens.data;
    const line = newlines === 'row' ? columns + 1 : columns;
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -line,
      ArrowDown: line,
      PageUp: -perFrame,
      PageDown: perFrame,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const to = this.#cursor < 0 ? 0 : this.#cursor + step;
    if (to < 0 || to >= this.#tokens.count) return;
    this.#choose(to);
    this.#views[this.#tokens.frameOf(to)]!.scrollIntoView({ block: 'nearest' });
  }
}
