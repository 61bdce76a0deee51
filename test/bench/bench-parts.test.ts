import { expect } from 'chai';
import { baselineTable } from '../../bench/common/figures.ts';
import { secondsText, spreadText } from '../../bench/common/print.ts';
import { fairSeconds, measured, spread } from '../../bench/common/timing.ts';
import { requireBudget, requireSame } from '../../bench/model/checks.ts';
import { ceiling, denseLayers, layerFlops, prefillFlops, visionFlops } from '../../bench/model/flops.ts';
import { Checkpoint } from '../../checkpoint/safetensors.ts';
import type { DecoderConfig } from '../../models/decoder/config.ts';
import { type GenerationStats, type LayerRows, newStats } from '../../models/stats.ts';
import { so400m, withoutLast } from '../../models/tower/config.ts';
import { drawTensor } from '../../tools/checkpoint/draw.ts';
import { PRESETS, type PresetName } from '../../tools/checkpoint/shapes.ts';
import { seededTensors } from '../../tools/checkpoint/virtual.ts';

function configOf(preset: PresetName): DecoderConfig {
  const { hiddenSize, heads, tiedEmbeddings, ...shape } = PRESETS[preset];
  const headDim = hiddenSize / heads;
  const rope = { ropeTheta: 1e6, ropeFactor: 1, maxPositions: Number.POSITIVE_INFINITY, contextLength: 32768 };
  const fixed = {
    ...rope,
    rmsNormEps: 1e-6,
    tieWordEmbeddings: tiedEmbeddings,
    qkvBias: true,
    headOrder: 'split',
  } as const;
  return { ...shape, hiddenSize, heads, headDim, ...fixed };
}

describe('the arithmetic of ff-bench', () => {
  const small: DecoderConfig = {
    ...configOf('tiny'),
    hiddenSize: 4,
    heads: 2,
    kvHeads: 1,
    headDim: 2,
    intermediateSize: 3,
    layers: 1,
    vocabSize: 5,
  };

  it('counts a layer as loops over its multiplications do', () => {
    const [attending, leaving] = [3, 2];
    let count = 0;
    const multiply = (rows: number, k: number, n: number): void => {
      for (let i = 0; i < rows * k * n; i++) count += 2;
    };
    multiply(attending, 4, 2 * 2 + 2 * 1 * 2); // q, k and v
    for (let head = 0; head < 2; head++)
      for (let row = 0; row < attending; row++) {
        multiply(1, 2, row + 1);
        multiply(1, row + 1, 2);
      }
    multiply(attending, 2 * 2, 4);
    multiply(leaving, 4, 2 * 3);
    multiply(leaving, 3, 4);
    expect(layerFlops(small, { entering: 9, attending, leaving })).to.equal(count);
    const head = 2 * 4 * 5;
    expect(prefillFlops(small, [{ entering: 9, attending, leaving }])).to.equal(count + head);
  });

  it('has no ceiling above 1 for the dense model', () => {
    expect(ceiling(small, denseLayers(1, 77), 77)).to.equal(1);
  });

  for (const [preset, want] of [
    ['llava-video-7b', 3.74],
    ['llava-onevision-qwen2-0.5b', 4.61],
  ] as const)
    it(`gives the published ceiling of ${preset} at cost 0.3`, () => {
      const config = configOf(preset);
      const [tokens, { layers }] = [13440, config];
      // The first layer full, the second at 0.55, then flat, so that the mean is 0.3.
      const flat = (0.3 * layers - 1.55) / (layers - 2);
      const shares = Array.from({ length: layers }, (_, i) => [1, 0.55][i] ?? flat);
      const schedule = shares.map((share, i): LayerRows => {
        const rows = share * tokens;
        return { entering: rows, attending: rows, leaving: (shares[i + 1] ?? share) * tokens };
      });
      const attended = schedule.map((rows) => ({ ...rows, leaving: rows.attending }));
      expect(ceiling(config, attended, tokens)).to.be.closeTo(want, 0.05);
      expect(ceiling(config, schedule, tokens)).to.be.above(want);
    });

  it('counts the published vision tower', () => {
    const config = { tower: withoutLast(so400m, 1), outSize: 3584 };
    const flops = visionFlops(config, 1);
    // 400 million weights less the head and the last layer, twice for each of 729 patches; attention and projector on top.
    expect(flops / 1e9).to.be.within(600, 720);
    expect(visionFlops(config, 8)).to.equal(8 * flops);
  });
});

describe('the checks of ff-bench', () => {
  const stats = (steps: GenerationStats['steps'], rows: readonly number[]): GenerationStats => ({
    ...newStats(),
    promptRows: 110,
    videoTokens: 100,
    layers: rows.map((attending, i) => ({ entering: rows[i - 1] ?? 110, attending, leaving: attending })),
    steps,
  });
  const merged = { at: 'input', action: 'merge-to-budget', rowsIn: 110, rowsOut: 60, similarShare: 0.9 } as const;

  it('take what the budget says, and nothing else', () => {
    requireBudget(stats([merged], [60, 60]), 0.5);
    expect(() => requireBudget(stats([{ ...merged, rowsOut: 61 }], [61, 61]), 0.5)).to.throw(
      /removed 49 rows.*says 50/,
    );
    expect(() => requireBudget(stats([merged], [60, 61]), 0.5)).to.throw(/layer 1 had 60, 61, 61 rows after 60/);
    expect(() => requireBudget(stats([], [110, 110]), 0.5)).to.throw(/computed 100\.00 %/);
  });

  it('name the first token that differs', () => {
    const of = (...ids: number[]): GenerationStats => ({ ...newStats(), ids });
    requireSame('twice', of(1, 2), of(1, 2));
    expect(() => requireSame('twice', of(1, 2), of(1, 3))).to.throw('twice: token 1 is 2 and 3.');
    expect(() => requireSame('twice', of(1), of(1, 3))).to.throw('twice: token 1 is none and 3.');
  });
});

describe('the figures of ff-bench', () => {
  it('are the middle and both ends', () => {
    expect(spread([3, 1, 2])).to.deep.equal({ median: 2, low: 1, high: 3 });
    expect(spread([4, 1, 2, 3])).to.deep.equal({ median: 2.5, low: 1, high: 4 });
    expect(spread([]).median).to.be.NaN;
    expect(spreadText(spread([0.003, 0.001, 0.002]))).to.equal('2.00 ms (1.00-3.00)');
    expect(secondsText(12.34)).to.equal('12.3 s');
  });

  it("go by the GPU's clock on a GPU, and by processor time where that computes", () => {
    const samples = [{ wall: 3, cpu: 2, gpu: 1 }];
    expect(fairSeconds('gpu', measured(samples)).median).to.equal(1);
    expect(fairSeconds('gpu', measured([{ wall: 3, cpu: 2 }])).median).to.equal(3);
    expect(fairSeconds('software', measured(samples)).median).to.be.at.most(2);
  });

  it('are compared by name', () => {
    const figure = (id: string, median: number) => ({ id, unit: 's', median, low: median, high: median });
    const baseline = { file: 'a.json', date: 'then', commit: null, adapter: { name: 'x' } };
    const { rows } = baselineTable({ ...baseline, figures: [figure('a', 1), figure('gone', 1)] }, [
      figure('a', 1.5),
      figure('new', 1),
    ]);
    expect(rows).to.deep.equal([['a', '1.00 s', '1.50 s', '+50.0 %']]);
  });
});

describe('weights that are drawn as they are read', () => {
  const plans = [
    { name: 'a', shape: [3, 5], mean: 0, std: 1 },
    { name: 'b', shape: [70, 64], mean: 1, std: 0.5 },
  ];

  it('are those that a file would hold, wherever the reading begins', async () => {
    const checkpoint = await Checkpoint.open(seededTensors('drawn', plans, 7));
    const want = Buffer.concat([...drawTensor(plans[1]!, 'bf16', 7)]);
    for (const [offset, length] of [
      [0, 100],
      [100, 28],
      [8000, 960],
      [64, 64],
    ] as const) {
      const got = await checkpoint.read('b', { offset, length });
      expect(Buffer.from(got)).to.deep.equal(want.subarray(offset, offset + length));
    }
    await checkpoint.close();
  });
});
