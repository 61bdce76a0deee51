import { ShapeError } from '../../engine/errors.ts';
import { add } from '../../kernels/add.ts';
import * as reference from '../../kernels/reference/add.ts';
import { expectClose, tolerance } from '../helpers/close.ts';
import { run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { random } from '../helpers/random.ts';

describe('add', () => {
  for (const [period, rows, dim] of [
    [1, 1, 1],
    [5, 15, 65],
    [257, 257, 3],
  ] as const)
    for (const scaled of [false, true])
      it(`adds ${rows} ${scaled ? 'scaled ' : ''}rows of ${dim} to ${period}`, async () => {
        const residual = random([period, dim], { seed: 1, outliers: 2 });
        const x = random([rows, dim], { seed: 2 });
        const scale = random([dim], { seed: 3 });
        const got = await run((rec) =>
          add(rec, upload(rec, residual), upload(rec, x), scaled ? upload(rec, scale) : undefined),
        );
        expectClose(got, reference.add(residual, x, scaled ? scale : undefined), tolerance('f32'));
      });

  it('names what does not fit', async () => {
    const refuse = (shape: readonly number[], scale: number, part: string) =>
      expectRejection(
        run((rec) => {
          const make = (of: readonly number[]) => upload(rec, random(of, { seed: 1 }));
          return add(rec, make(shape), make([6, 4]), make([scale]));
        }),
        ShapeError,
        'add: ',
        part,
      );
    await refuse([4, 4], 4, 'residual must be [a divisor of 6, 4]');
    await refuse([3, 5], 4, 'residual must be [a divisor of 6, 4]');
    await refuse([3, 4], 5, 'scale must be [4]');
  });
});
