import { expect } from 'chai';
import { frequencies, rotaryTable } from '../../kernels/rope.ts';
import { axisPositions, type PlacedRows, promptRotaryTable } from '../../models/axis-positions.ts';
import { ConfigReader } from '../../models/config.ts';
import { qwen2VlConfig } from '../../models/decoder/config.ts';
import { families } from '../helpers/families.ts';

const picture = (times: number, rows: number, columns: number): PlacedRows => ({
  rows: times * rows * columns,
  picture: { times: Array.from({ length: times }, (_, i) => i), rows, columns },
});

const positionsOf = (...parts: PlacedRows[]): { axes: number[][]; next: number } => {
  const { axes, next } = axisPositions(parts);
  return { axes: axes.map((axis) => [...axis]), next };
};

describe('positions on three axes', () => {
  it('go on together in text', () => {
    const { axes, next } = positionsOf({ rows: 3 }, { rows: 0 }, { rows: 2 });
    expect(axes).to.deep.equal(new Array(3).fill([0, 1, 2, 3, 4]));
    expect(next).to.equal(5);
  });

  it('spread over a picture, and go on after the farthest of the three', () => {
    const { axes, next } = positionsOf({ rows: 2 }, picture(1, 2, 3), { rows: 1 });
    expect(axes).to.deep.equal([
      [0, 1, 2, 2, 2, 2, 2, 2, 5],
      [0, 1, 2, 2, 2, 3, 3, 3, 5],
      [0, 1, 2, 3, 4, 2, 3, 4, 5],
    ]);
    expect(next).to.equal(6);
  });

  it('go on after the last frame of a video that has more frames than rows and columns', () => {
    const { axes, next } = positionsOf(picture(4, 1, 2), { rows: 1 });
    expect(axes[0]).to.deep.equal([0, 0, 1, 1, 2, 2, 3, 3, 4]);
    expect(next).to.equal(5);
  });

  it('turn the frequencies of their own section', () => {
    const config = qwen2VlConfig(new ConfigReader('config.json', JSON.stringify(families['Qwen2-VL']!['config.json'])));
    const [rows, half] = [7, config.headDim / 2];
    const axes = [3, 11, 200].map((step) => Uint32Array.from({ length: rows }, (_, row) => row * step)) as [
      Uint32Array,
      Uint32Array,
      Uint32Array,
    ];
    const table = promptRotaryTable({ axes, next: 0 }, config);
    expect(table).to.have.length(rows * config.headDim);
    const all = frequencies(config.headDim, config.ropeTheta);
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < half; i++) {
        const axis = i < 2 ? 0 : i < 5 ? 1 : 2;
        const angle = axes[axis]![row]! * all[i]!;
        expect(table[(row * half + i) * 2]).to.be.closeTo(Math.cos(angle), 1e-5 * (1 + angle));
        expect(table[(row * half + i) * 2 + 1]).to.be.closeTo(Math.sin(angle), 1e-5 * (1 + angle));
      }
  });

  it('are those of one axis where all are the same', () => {
    const config = qwen2VlConfig(new ConfigReader('config.json', JSON.stringify(families['Qwen2-VL']!['config.json'])));
    const table = promptRotaryTable(axisPositions([{ rows: 50 }]), config);
    expect([...table]).to.deep.equal([...rotaryTable(50, config.headDim, config.ropeTheta)]);
  });
});
