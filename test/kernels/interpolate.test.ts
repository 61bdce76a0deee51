import { ShapeError } from '../../engine/errors.ts';
import { interpolate } from '../../kernels/interpolate.ts';
import * as reference from '../../kernels/reference/interpolate.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { random } from '../helpers/random.ts';

describe('interpolate', () => {
  for (const [side, rows, columns, dim] of [
    [1, 1, 1, 1],
    [1, 3, 2, 5],
    [6, 6, 6, 8],
    [5, 1, 9, 65],
    [5, 4, 1, 3],
    [48, 26, 46, 4],
    [6, 11, 3, 70],
  ] as const)
    it(`makes ${rows} x ${columns} places of a table of ${side} x ${side} with ${dim} columns`, async () => {
      const table = random([side ** 2, dim], { seed: 1 });
      const got = await run((rec) => interpolate(rec, upload(rec, table), { rows, columns }));
      const want = reference.interpolate(table, rows, columns);
      // A place is off by its rounding, which is a share of the side.
      expectClose(got, want, tolerance('f32', { scale: side * largest(table.values) }));
    });

  it('wants a square', () =>
    expectRejection(
      run((rec) => interpolate(rec, upload(rec, random([12, 4], { seed: 1 }), 'table'), { rows: 2, columns: 2 })),
      ShapeError,
      "interpolate: table must be [side^2, *], got 'table'",
    ));
});
