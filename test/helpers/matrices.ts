/**
 * Kernels for subgroups that multiply matrices, on adapters whose subgroups do not: plain functions stand in place of the
 * instructions. A factor is where it lies in workgroup memory; of a product, each lane of a subgroup holds its share.
 */
import { expect } from 'chai';
import type { KernelNames, KernelSource } from '../../engine/kernel.ts';
import { matrixShapes } from '../../kernels/matrix.ts';

/** Those of 8 x 8 are so many that llvmpipe runs out of memory over the text: they are compiled, not run. */
export const emulatedShapes = matrixShapes.filter(({ n }) => n === 16);

/** Text that computes the same without the instructions; it needs a matrix part as the kernel does. */
export function emulated<N extends KernelNames>(source: KernelSource<N>): KernelSource<N> {
  const arrays: string[] = [];
  const place = (array: string): number => {
    if (!arrays.includes(array)) arrays.push(array);
    return arrays.indexOf(array);
  };
  const plain = source
    .replace('enable chromium_experimental_subgroup_matrix;', '')
    .replace(
      /,\s*@builtin\(subgroup_id\) subgroup: u32,?\s*\) \{/,
      ') {\n  let subgroup = thread / LANES;\n  mine = thread % LANES;',
    )
    .replaceAll(/array<subgroup_matrix_(?:left|right)<f16, \w+, \w+>/g, 'array<Factor')
    .replaceAll('subgroup_matrix_result<f32, N, M>', 'Product')
    .replaceAll(
      /subgroupMatrixLoad<subgroup_matrix_(?:left|right)<f16, \w+, \w+>, \w+>\(\s*&(\w+)\[([^\]]+)\],\s*([^,]+),\s*([^),]+),?\s*\)/g,
      (_, array, matrix, vector, pitch) => `Factor(${place(array)}u, ${matrix}, ${vector}, ${pitch})`,
    )
    // What outlives its place in memory is copied.
    .replaceAll(/queries\[c\] = (Factor\([^;]+\));/g, 'queries[c] = kept(c, $1);')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiplied(')
    .replaceAll(/subgroupMatrixLoad<Product, row_major>\(&\w+\[([^\]]+)\],/g, 'loadProduct($1,')
    .replaceAll(/subgroupMatrixStore<row_major>\(&\w+\[([^\]]+)\],/g, 'storeProduct($1,');
  const made = /subgroupMatrixStore<row_major>\(&(\w+)/.exec(source)?.[1] ?? '';
  expect(plain).to.not.match(/subgroupMatrix|subgroup_matrix/);
  const cases = arrays.map((array, i) => `    case ${i}u: { return ${array}[at.matrix][line * at.pitch + vector]; }`);
  const keeps = plain.includes('kept(');
  return `${plain}
${keeps ? KEEPING : 'fn keptFactor(at: Factor, line: u32, k: u32) -> f32 { return 0.0; }'}
fn storeElement(place: u32, at: u32, row: u32, column: u32, pitch: u32, value: f32) {
  ${made}[place][at + row * pitch + column / 4u][column % 4u] = bitcast<u32>(value);
}
fn loadElement(place: u32, at: u32, row: u32, column: u32, pitch: u32) -> f32 {
  return bitcast<f32>(${made}[place][at + row * pitch + column / 4u][column % 4u]);
}
const KEPT = 99u;
var<private> mine: u32;
struct Factor { array: u32, matrix: u32, vector: u32, pitch: u32 }
struct Product { sums: array<f32, M * N / LANES> }
fn vectorOf(at: Factor, line: u32, k: u32) -> Vec8 {
  let vector = at.vector + k / 8u;
  switch (at.array) {
${cases.join('\n')}
    default: { return Vec8(); }
  }
}
fn factor(at: Factor, line: u32, k: u32) -> f32 {
  if (at.array == KEPT) { return keptFactor(at, line, k); }
  let value = vectorOf(at, line, k);
  return select(low(value)[k % 4u], high(value)[k % 4u], k % 8u >= 4u);
}
fn multiplied(a: Factor, b: Factor, c: Product) -> Product {
  var product = c;
  for (var e = 0u; e < M * N / LANES; e++) {
    let element = LANES * e + mine;
    for (var k = 0u; k < K; k++) { product.sums[e] += factor(a, element / N, k) * factor(b, element % N, k); }
  }
  return product;
}
fn storeProduct(place: u32, at: u32, product: Product, pitch: u32) {
  for (var e = 0u; e < M * N / LANES; e++) {
    let element = LANES * e + mine;
    storeElement(place, at, element / N, element % N, pitch, product.sums[e]);
  }
}
fn loadProduct(place: u32, at: u32, pitch: u32) -> Product {
  var product: Product;
  for (var e = 0u; e < M * N / LANES; e++) {
    let element = LANES * e + mine;
    product.sums[e] = loadElement(place, at, element / N, element % N, pitch);
  }
  return product;
}
` as KernelSource<N>;
}

const KEEPING = `
var<private> keptValues: array<f32, STEPS * M * K>;
fn kept(c: u32, at: Factor) -> Factor {
  for (var i = 0u; i < M * K; i++) { keptValues[c * M * K + i] = factor(at, i / K, i % K); }
  return Factor(KEPT, c, 0u, 0u);
}
fn keptFactor(at: Factor, line: u32, k: u32) -> f32 { return keptValues[at.matrix * M * K + line * K + k]; }
`;
