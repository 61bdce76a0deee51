/** Draws the tokens of a frame: colour and sign both say what became of each, so that neither is needed. */
import type { Size } from '../engine/geometry.ts';
import { columnsOf, type Tokens } from './layout.ts';

/** Pixels from which on a cell has room for every sign, and for any. */
const [ROOMY, LEGIBLE] = [10, 5];

/** Colours, as the page's style has them. */
export type Paint = Readonly<Record<'merged' | 'pruned' | 'newline' | 'page', string>>;

/** The colours of an element's variables. */
export function paintOf(element: Element): Paint {
  const style = getComputedStyle(element);
  const named = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return { merged: named('merged'), pruned: named('pruned'), newline: named('newline'), page: named('page') };
}

/** Signs as lines in a square from -1 to 1: an arrow back, a cross, and the arrow of a keyboard's return. */
const signs = {
  kept: [],
  merged: [[0.5, -1, -0.5, 0, 0.5, 1]],
  pruned: [
    [-0.8, -0.8, 0.8, 0.8],
    [-0.8, 0.8, 0.8, -0.8],
  ],
  newline: [
    [1, -1, 1, 0.5, -1, 0.5],
    [-0.3, 0, -1, 0.5, -0.3, 1],
  ],
} as const satisfies Record<string, readonly (readonly number[])[]>;

/** What a frame is drawn into, and its size in pixels of the page: measured for all before any is drawn, or each lays out anew. */
export interface Sheet extends Size {
  readonly canvas: HTMLCanvasElement;
}

/** Draws a frame. @returns how many of its tokens are left, of how many. */
export function drawFrame(frame: number, sheet: Sheet, tokens: Tokens, paint: Paint): [left: number, of: number] {
  const { perFrame, rows } = tokens.data;
  const { width, height } = sheet;
  const context = sizedContext(sheet);
  const cell = { width: width / columnsOf(tokens.data), height: height / rows };
  const end = Math.min((frame + 1) * perFrame, tokens.count);
  let left = 0;
  for (let token = frame * perFrame; token < end; token++) {
    const { row, column } = tokens.placeOf(token);
    if (!tokens.isGone(token)) left++;
    drawCell(context, { ...cell, x: column * cell.width, y: row * cell.height }, { token, tokens, paint });
  }
  return [left, end - frame * perFrame];
}

function sizedContext({ canvas, width, height }: Sheet): CanvasRenderingContext2D {
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext('2d')!;
  context.scale(scale, scale);
  return context;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Drawn {
  readonly token: number;
  readonly tokens: Tokens;
  readonly paint: Paint;
}

function drawCell(context: CanvasRenderingContext2D, { x, y, width, height }: Box, { token, tokens, paint }: Drawn) {
  const fate = tokens.fateOf(token);
  const { newline } = tokens.placeOf(token);
  const size = Math.min(width, height);
  // Where there is room, a gap lets patches be told apart; where there is none, whole pixels leave no seams.
  const gap = size < ROOMY ? 0 : 0.5;
  const [left, top] = [Math.round(x) + gap, Math.round(y) + gap];
  const box = [left, top, Math.round(x + width) - gap - left, Math.round(y + height) - gap - top] as const;
  if (newline) {
    context.fillStyle = paint.newline;
    context.fillRect(...box);
  }
  if (fate !== 'kept') {
    context.globalAlpha = 0.75;
    context.fillStyle = paint[fate];
    context.fillRect(...box);
    context.globalAlpha = 1;
  }
  const plainNewline = newline && fate === 'kept';
  const sign = plainNewline ? 'newline' : fate;
  // The commonest sign goes first where it would be no more than a dot: plain blue says the same.
  if (size < (sign === 'merged' ? ROOMY : LEGIBLE)) return;
  const centre = { x: x + width / 2, y: y + height / 2, size };
  drawSign(context, signs[sign], centre, plainNewline ? paint.page : '#fff');
}

function drawSign(
  context: CanvasRenderingContext2D,
  lines: readonly (readonly number[])[],
  { x, y, size }: { readonly x: number; readonly y: number; readonly size: number },
  colour: string,
): void {
  const reach = Math.min(size * 0.22, 6);
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, reach / 3);
  context.beginPath();
  for (const line of lines)
    for (let i = 0; i < line.length; i += 2) {
      const at = [x + line[i]! * reach, y + line[i + 1]! * reach] as const;
      if (i === 0) context.moveTo(...at);
      else context.lineTo(...at);
    }
  context.stroke();
}
