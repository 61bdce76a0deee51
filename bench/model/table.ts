/** A model's figures as a person reads them. */
import { bytesText } from '../../engine/text.ts';
import { amount, type BenchTable, digits, percentText, secondsText, spreadText, timesText } from '../common/print.ts';
import { fairSeconds, type Measured } from '../common/timing.ts';
import type { CostResult, FramesResult, ModelReport } from './report.ts';

export function modelTables(report: ModelReport): BenchTable[] {
  return [aboutTable(report), speedTable(report), partsTable(report), memoryTable(report), tokensTable(report)];
}

const named = ({ cost }: CostResult): string => (cost === 1 ? 'dense' : `cost ${cost}`);

/** A row for every number of frames and budget. */
function perCost({ results }: ModelReport, cells: (cost: CostResult, result: FramesResult) => string[]): string[][] {
  return results.flatMap((result) =>
    result.costs.map((cost) => [`${result.frames} frames`, named(cost), ...cells(cost, result)]),
  );
}

function aboutTable({ model, video, load, results, adapter, peakProcess }: ModelReport): BenchTable {
  const rate = (flops: number, measured: Measured): string =>
    `${digits(flops / fairSeconds(adapter.kind, measured).median / 1e9)} GFLOP/s`;
  const dense = results[0]!.costs[0]!;
  const prefillCompile = Math.max(0, dense.firstPrefill.wall - dense.prefill.wall.median);
  const compiling = `vision ${secondsText(results[0]!.visionCompile)}, prefill ${secondsText(prefillCompile)}: what the first run took longer`;
  const rows = results.map(({ frames, decodeVideo, preprocess, vision, visionFlops }) => [
    `${frames} frames`,
    `${secondsText(decodeVideo)} decoding, ${secondsText(preprocess)} resizing; vision ${spreadText(vision.wall)} wall, ${spreadText(vision.cpu)} processor, ${rate(visionFlops, vision)}`,
  ]);
  return {
    title: `${model.name}, ${model.precision}, ${model.layers} layers`,
    head: ['', ''],
    rows: [
      ['clip', video],
      [
        'load',
        `${secondsText(load.wall)} wall, ${secondsText(load.cpu)} processor, ${bytesText(model.weightBytes)} of weights`,
      ],
      ['compiling', compiling],
      ['process', `${bytesText(peakProcess)} resident at most`],
      ...rows,
    ],
  };
}

function speedTable(report: ModelReport): BenchTable {
  const { kind } = report.adapter;
  const clock =
    kind === 'software'
      ? `Speed-ups and rates are by processor time over ${report.machine.cores} cores.`
      : "Speed-ups and rates are by the GPU's clock where it has one, else by the wall.";
  const fair = (of: Measured): number => fairSeconds(kind, of).median;
  return {
    title: 'Prefill and decoding',
    head: ['', '', 'prefill, wall', 'processor', 'GPU clock', 'GFLOP/s', 'speed-up', 'ceiling', 'of it', 'decode'],
    rows: perCost(report, ({ prefill, prefillFlops, speedUp, ceiling, decode, cost }) => [
      spreadText(prefill.wall),
      spreadText(prefill.cpu),
      prefill.gpu ? spreadText(prefill.gpu) : '-',
      digits(prefillFlops / fair(prefill) / 1e9),
      cost === 1 ? '' : timesText(speedUp),
      cost === 1 ? '' : timesText(ceiling),
      cost === 1 ? '' : percentText(speedUp / ceiling),
      decode ? `${digits(1 / fair(decode))} tokens/s` : '-',
    ]),
    notes: [
      clock,
      'The ceiling is the arithmetic of linear layers and attention, dense over reduced, from the tokens below.',
    ],
  };
}

function partsTable(report: ModelReport): BenchTable {
  return {
    title: "Parts of the prefill, by the GPU's clock",
    head: ['', '', 'first layer', 'last layer', 'MLPs', 'stage', 'of the prefill', 'of a dense layer'],
    rows: perCost(report, ({ parts, stageShare, cost }, { costs }) => {
      if (!parts) return ['-', '-', '-', '-', '-', '-'];
      const dense = costs[0]?.parts?.lastLayer.median ?? Number.NaN;
      const stage =
        cost === 1
          ? ['', '', '']
          : [spreadText(parts.stage), percentText(stageShare ?? Number.NaN), percentText(parts.stage.median / dense)];
      return [spreadText(parts.firstLayer), spreadText(parts.lastLayer), spreadText(parts.mlp), ...stage];
    }),
    notes: ['The stage is everything that FrameFusion does, its waiting for the host included.'],
  };
}

function memoryTable(report: ModelReport): BenchTable {
  return {
    title: 'Memory of the adapter',
    head: ['', '', 'keys and values', 'of dense', 'at most'],
    rows: perCost(report, ({ cacheBytes, peakBytes }, { costs }) => [
      bytesText(cacheBytes),
      percentText(cacheBytes / (costs[0]?.cacheBytes ?? Number.NaN)),
      bytesText(peakBytes),
    ]),
  };
}

/** Rows that enter attention, at most so many layers side by side. */
function tokensTable(report: ModelReport): BenchTable {
  const layers = report.results[0]?.costs[0]?.layers.length ?? 0;
  const shown = [...new Set([0, 1, 2, 3, layers >> 1, layers - 1])].filter((i) => i >= 0 && i < layers);
  return {
    title: 'Rows in attention, by layer',
    head: ['', '', 'of the video', 'computed', 'steps', ...shown.map(String)],
    rows: perCost(report, ({ layers, computedShare, steps }, { videoTokens }) => [
      amount(videoTokens, '').replace(/\..*/, ''),
      percentText(computedShare),
      steps
        .filter(({ action }) => action !== 'none')
        .map(({ action, at }) => `${action} at ${at}`)
        .join(', ') || '-',
      ...shown.map((i) => String(layers[i]?.attending ?? '-')),
    ]),
  };
}
