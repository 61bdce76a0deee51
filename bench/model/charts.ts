/** A model's curves: tokens by layer, latency against budget, speed-up against frames. */
import { type LineChart, lineChart } from '../../charts/line-chart.ts';
import { html, type Markup } from '../../charts/markup.ts';
import { wideAndNarrow } from '../../charts/page.ts';
import type { Series } from '../../charts/series.ts';
import type { CostResult, ModelReport } from './report.ts';

type Chart = Omit<LineChart, 'width' | 'height'>;

export function modelFigures(report: ModelReport): Markup {
  return html`${figure('tokens', tokensByLayer(report))}${figure('latency', latencyByCost(report))}${figure('speed-up', speedUpByFrames(report))}`;
}

function figure(id: string, chart: Chart): Markup {
  const wide = lineChart({ ...chart, width: 928, height: 400 });
  const narrow = lineChart({ ...chart, width: 358, height: 340, legend: 'below' });
  return html`<h2 id="curve-${id}">${chart.title}</h2>
<figure>
${wideAndNarrow(wide, narrow)}
</figure>`;
}

const named = (cost: number): string => (cost === 1 ? 'dense' : `cost ${cost}`);

/** At the most frames. */
function tokensByLayer({ results }: ModelReport): Chart {
  const most = results.reduce((a, b) => (b.frames > a.frames ? b : a));
  const series = most.costs.map(
    ({ cost, layers }): Series => ({
      name: named(cost),
      points: layers.map(({ attending }, i) => ({ x: i, y: attending })),
    }),
  );
  return {
    title: `Rows in attention by layer, ${most.frames} frames`,
    x: { label: 'layer' },
    y: { label: 'rows', range: [0, most.promptRows] },
    series,
  };
}

/** By the wall: what a user waits. */
function latencyByCost({ results }: ModelReport): Chart {
  const point = ({ cost, prefill }: CostResult) => {
    const { median, low, high } = prefill.wall;
    return { x: cost, y: median, low, high };
  };
  return {
    title: 'Prefill against budget',
    x: { label: 'video tokens computed (%), fewer to the right', percent: true, reversed: true },
    y: { label: 'seconds of prefill, by the wall', range: [0, 0] },
    series: results.map(({ frames, costs }) => ({ name: `${frames} frames`, points: costs.map(point) })),
  };
}

/** Each budget beside its ceiling. */
function speedUpByFrames({ results }: ModelReport): Chart {
  const costs = results[0]?.costs.filter(({ cost }) => cost < 1).map(({ cost }) => cost) ?? [];
  const curve = (name: string, cost: number, of: (result: CostResult) => number): Series => ({
    name,
    points: results.flatMap(({ frames, costs }) =>
      costs.filter((one) => one.cost === cost).map((one) => ({ x: frames, y: of(one) })),
    ),
  });
  return {
    title: 'Speed-up of the prefill against frames',
    x: { label: 'frames' },
    y: { label: 'times as fast as dense', range: [1, 1] },
    series: costs.flatMap((cost) => [
      curve(named(cost), cost, ({ speedUp }) => speedUp),
      curve(`${named(cost)}, ceiling`, cost, ({ ceiling }) => ceiling),
    ]),
  };
}
