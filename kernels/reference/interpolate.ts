import type { HostTensor } from './host-tensor.ts';

/** A square table at the places of a grid whose corners are its own, `[rows * columns, dim]`. */
export function interpolate({ shape, values }: HostTensor, rows: number, columns: number): Float64Array {
  const [places = 0, dim = 0] = shape;
  const side = Math.sqrt(places);
  const y = new Float64Array(rows * columns * dim);
  // Each of the table's rows weighs as much as it is near.
  const share = (i: number, count: number, place: number): number => {
    const at = count === 1 ? 0 : (i * (side - 1)) / (count - 1);
    return Math.max(0, 1 - Math.abs(at - place));
  };
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let place = 0; place < places; place++) {
        const weight = share(i, rows, Math.floor(place / side)) * share(j, columns, place % side);
        for (let c = 0; c < dim; c++) y[(i * columns + j) * dim + c]! += weight * values[place * dim + c]!;
      }
  return y;
}
