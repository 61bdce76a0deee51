/** What an assembly listing of radv says of a kernel: its loops, and what the hottest of them is made of. */
import type { PipelineUse } from '../../engine/pipelines.ts';

/** One compiled pipeline. */
export interface Listing {
  readonly id: string;
  /** Lanes of a wave. */
  readonly lanes: number;
  /** Of the compiler, by its names: `VGPRs`, `Spilled VGPRs`, `LDS size`, `Subgroups per SIMD`, ... */
  readonly statistics: Readonly<Record<string, number>>;
  readonly blocks: readonly Block[];
}

/** Instructions without a branch among them. */
interface Block {
  readonly name: string;
  readonly instructions: readonly string[];
}

/** The hottest loop of a kernel; of a kernel without loops, all of it. Counts are of a pass through it. */
export interface HotLoop {
  readonly instructions: number;
  /** Of a lane: a packed product is two, a product of matrices its share. */
  readonly multiplyAdds: number;
  readonly matrixInstructions: number;
  /** Loads from global memory of one lane, by their bytes; what is the same for all lanes is left out. */
  readonly loads: Readonly<Record<number, number>>;
  /** Stores to it. */
  readonly stores: Readonly<Record<number, number>>;
  /** Loads and stores of workgroup memory, by their bytes. */
  readonly shared: Readonly<Record<number, number>>;
}

/** Reads what the driver appended, with the lines `### id` that say what was compiled. */
export function parseListings(text: string): Listing[] {
  return text
    .split(/^### /m)
    .slice(1)
    .flatMap((entry) => {
      const [id = '', ...rest] = entry.split('\n');
      // A pipeline that Dawn compiled twice has two alike.
      const [compiled] = rest.join('\n').split(/^=== /m).slice(1);
      return compiled === undefined ? [] : [parseListing(id, compiled)];
    });
}

function parseListing(id: string, text: string): Listing {
  const lanes = Number(/^subgroup (\d+)/.exec(text)?.[1] ?? 0);
  const statistics = Object.fromEntries(
    Array.from(text.matchAll(/^stat (.+?): (\d+)$/gm), ([, name, value]) => [name!, Number(value)]),
  );
  const blocks: { name: string; instructions: string[] }[] = [];
  for (const line of text.slice(text.indexOf('\n--- ')).split('\n')) {
    const label = /^(BB\d+):/.exec(line)?.[1];
    if (label) blocks.push({ name: label, instructions: [] });
    else if (line.startsWith('\t')) blocks.at(-1)?.instructions.push(line.split(';')[0]!.trim());
  }
  return { id, lanes, statistics, blocks };
}

/** A range of blocks that a branch leads back to the start of. */
interface Loop {
  readonly first: number;
  readonly last: number;
  /** Passes, where the assembly says so; undefined where they hang on parameters or data. */
  readonly trips: number | undefined;
}

/** @returns Loops, the outer before the inner ones. */
function loopsOf(blocks: readonly Block[]): Loop[] {
  const index = new Map(blocks.map(({ name }, i) => [name, i]));
  const ends = new Map<number, number>();
  for (const [i, { instructions }] of blocks.entries())
    for (const instruction of instructions) {
      const target = index.get(/^s_c?branch\S*\s+(BB\d+)/.exec(instruction)?.[1] ?? '');
      if (target !== undefined && target <= i) ends.set(target, i);
    }
  const spans = [...ends]
    .sort(([a, aEnd], [b, bEnd]) => a - b || bEnd - aEnd)
    .map(([first, last]) => ({ first, last }));
  return spans.map((span) => {
    const inner = spans.filter((other) => other !== span && holds(span, other));
    const own = blocks.filter(
      (_, i) => span.first <= i && i <= span.last && !inner.some(({ first, last }) => first <= i && i <= last),
    );
    return { ...span, trips: tripsOf(own, blocks.slice(0, span.first)) };
  });
}

/** Passes of a loop whose counter starts, steps and ends at constants, by the blocks that are in no loop within it. */
function tripsOf(own: readonly Block[], ahead: readonly Block[]): number | undefined {
  const body = own.flatMap(({ instructions }) => instructions);
  const before = ahead.flatMap(({ instructions }) => instructions);
  for (const instruction of body) {
    const [, a, b] =
      /^[sv]_cmpk?_\w+_[iu](?:32|16)(?:_e\d+)?\s+(?:vcc(?:_lo)?,\s*|exec(?:_lo)?,\s*)?(\S+?),\s*(\S+)/.exec(
        instruction,
      ) ?? [];
    const counter = [a, b].find((operand) => /^[sv]\d+$/.test(operand ?? ''));
    const end = number([a, b].find((operand) => number(operand) !== undefined));
    if (!counter || end === undefined) continue;
    const step = number(body.map((one) => stepOf(one, counter)).find(Boolean));
    const start = number(
      before.map((one) => new RegExp(`^[sv]_mov\\w*\\s+${counter},\\s*(\\S+)`).exec(one)?.[1]).findLast(Boolean),
    );
    if (step && step > 0 && end > (start ?? 0)) return Math.ceil((end - (start ?? 0)) / step);
  }
  return undefined;
}

function stepOf(instruction: string, counter: string): string | undefined {
  const [, operands = ''] = /^[sv]_add\S*\s+(.*)$/.exec(instruction) ?? [];
  const [to, ...from] = operands.split(/,\s*/);
  return to === counter && from.includes(counter) ? from.find((operand) => number(operand) !== undefined) : undefined;
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^(0x[0-9a-f]+|\d+)$/.test(text) ? Number(text) : undefined;
}

/**
 * The loop that most work is in: of those whose passes hang on the job and that hold no other such loop, the one with the most
 * multiply-adds, then loads. What surrounds it runs less often, and loops of a fixed length in it count as often as they run.
 */
export function hotLoop({ blocks, lanes }: Listing): HotLoop {
  const loops = loopsOf(blocks);
  const whole: Loop = { first: 0, last: blocks.length - 1, trips: 1 };
  const open = loops.filter(({ trips }) => trips === undefined);
  const inner = open.filter((loop) => !open.some((other) => other !== loop && holds(loop, other)));
  const measured = (inner.length > 0 ? inner : [whole]).map((loop) => measure(blocks, loop, loops, lanes));
  const weight = ({ multiplyAdds, loads, instructions }: HotLoop): number =>
    multiplyAdds * 1e6 + sum(Object.values(loads)) * 1e3 + instructions;
  return measured.reduce((best, one) => (weight(one) > weight(best) ? one : best));
}

function holds(outer: Pick<Loop, 'first' | 'last'>, inner: Pick<Loop, 'first' | 'last'>): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function measure(blocks: readonly Block[], loop: Loop, loops: readonly Loop[], lanes: number): HotLoop {
  const result = { instructions: 0, multiplyAdds: 0, matrixInstructions: 0, loads: {}, stores: {}, shared: {} };
  const inner = loops.filter((one) => one !== loop && holds(loop, one));
  for (let i = loop.first; i <= loop.last; i++) {
    const times = inner
      .filter(({ first, last }) => first <= i && i <= last)
      .reduce((all, { trips = 1 }) => all * trips, 1);
    for (const instruction of blocks[i]!.instructions) {
      result.instructions += times * Number(!isHint(instruction));
      result.multiplyAdds += times * multiplyAddsOf(instruction, lanes);
      result.matrixInstructions += times * Number(isMatrix(instruction));
      count(result.loads, globalBytes(instruction, 'load'), times);
      count(result.stores, globalBytes(instruction, 'store'), times);
      count(result.shared, sharedBytes(instruction), times);
    }
  }
  return result;
}

function count(into: Record<number, number>, bytes: number, times: number): void {
  if (bytes > 0) into[bytes] = (into[bytes] ?? 0) + times;
}

/** What tells the hardware when to issue others, and takes no place among them. */
const isHint = (instruction: string): boolean => /^s_(delay_alu|clause|nop)/.test(instruction);

const isMatrix = (instruction: string): boolean => /^v_(s?wmma|mfma)/.test(instruction);

/** Floating-point products that are added to something, of one lane. */
function multiplyAddsOf(instruction: string, lanes: number): number {
  const [, m, n, k] = /^v_s?wmma_\w+?_(\d+)x(\d+)x(\d+)/.exec(instruction) ?? [];
  if (m) return (Number(m) * Number(n) * Number(k)) / lanes;
  // A chain begins with a product alone. A mixed one with 1.0 is no product: it adds f16 to f32.
  if (/^v_(pk_fma|pk_fmac|pk_mul|dot2)\w*_f(16|32)/.test(instruction)) return 2;
  if (/^v_fma_mix\w* v\d+, 1\.0,/.test(instruction)) return 0;
  // A dual instruction is two that issue together.
  return instruction.split('::').filter((part) => /^\s*v_(dual_)?(fma|fmac|fmamk|fmaak|mad|mac)\w*_f(16|32)/.test(part))
    .length;
}

/** Bytes that a lane loads from global memory, or stores there. */
function globalBytes(instruction: string, way: 'load' | 'store'): number {
  const [, to, width] = /^(?:buffer|global|flat)_(load|store)_(\w+)/.exec(instruction) ?? [];
  return width && to === way ? bytesOf(width) : 0;
}

function sharedBytes(instruction: string): number {
  const [, two, width] = /^ds_(?:load|store|read|write)(_?2(?:addr|st64)*)?_(\w+)/.exec(instruction) ?? [];
  return width ? (two ? 2 : 1) * bytesOf(width.replace(/^(2addr_|stride64_|st64_)+/, '')) : 0;
}

/** By the names of RDNA 3 and of those before it. */
function bytesOf(width: string): number {
  const bits = /(?:^|_)[bui](\d+)/.exec(width)?.[1];
  if (bits) return Number(bits) / 8;
  if (/byte/.test(width)) return 1;
  if (/short/.test(width)) return 2;
  return 4 * Number(/dwordx(\d)/.exec(width)?.[1] ?? 1);
}

/** What names a pipeline in a listing: kernel, text parts, types, constants. */
export function compilationId({ kernel, variant }: PipelineUse): string {
  const { types, constants, codec } = variant;
  const values = Object.entries({ ...types, ...constants }).map(([name, value]) => `${name}=${value}`);
  return [kernel.name, codec?.name, ...values].filter(Boolean).join(' ');
}
