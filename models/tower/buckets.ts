const { fround } = Math;

/** torch fills ranges in blocks of so many, whose elements it rounds in another way than those of the rest. */
const BLOCK = 8;

/**
 * Rows of a square table of positions for the patches of a picture of any size: each patch takes the entry of the part of the
 * side that it begins in, as NaViT-style SigLIP has it (MiniCPM-V 2.6 `modeling_navit_siglip.py`, SiglipVisionEmbeddings).
 *
 * @param rows - Patches from top to bottom.
 * @param columns - Patches from left to right.
 * @param side - Of the table, in patches.
 * @returns A row of the table for each patch, row by row.
 */
export function bucketIds(rows: number, columns: number, side: number): Uint32Array {
  const [down, across] = [buckets(rows, side), buckets(columns, side)];
  return Uint32Array.from(down.flatMap((row) => across.map((column) => row * side + column)));
}

/**
 * The part of a side that each of `count` patches begins in. Patch i of n would be floor(i * side / n) if f32 were exact; the
 * tables were trained with what torch's `arange` and `bucketize` make of it.
 */
function buckets(count: number, side: number): number[] {
  const step = fround(1 / count);
  const edges = Array.from({ length: side - 1 }, (_, i) => fround(1 / side + i * (1 / side)));
  const blocks = count - (count % BLOCK);
  return Array.from({ length: count }, (_, i) => {
    const at = i < blocks ? fround(fround(step * (i - (i % BLOCK))) + step * (i % BLOCK)) : fround(step * i);
    const above = edges.findIndex((edge) => edge > at);
    return above < 0 ? side - 1 : above;
  });
}
