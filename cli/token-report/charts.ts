/** The drawings of the token report: tokens over the layers, and what each step of the reducer chose by. */
import { histogram, type Kind } from '../../charts/histogram.ts';
import { lineChart } from '../../charts/line-chart.ts';
import type { Markup } from '../../charts/markup.ts';
import { wideAndNarrow } from '../../charts/page.ts';
import type { Scores, TraceStep } from '../../models/trace.ts';
import { COLOUR } from '../../viewer/markup.ts';
import type { RunReport } from '../report.ts';

/** Width of what has to fit a phone, in pixels. */
const NARROW = 358;
const WIDE = 928;

/** Video tokens entering and leaving every layer, against what the budget allows on average. */
export function layerFigure({ tokens, budget }: RunReport): Markup {
  const text = tokens.prompt - tokens.video;
  const points = (of: 'entering' | 'leaving') => tokens.layers.map((rows, x) => ({ x, y: rows[of] - text }));
  const chart = {
    title: 'Video tokens in every layer',
    x: { label: 'layer', range: [0, Math.max(1, tokens.layers.length - 1)] },
    y: { label: 'video tokens', range: [0, tokens.video] },
    series: [
      { name: 'entering the layer', points: points('entering') },
      { name: 'leaving the layer', points: points('leaving') },
    ],
    reference: { name: `budget: ${Number((100 * budget.asked).toFixed(2))} %`, y: budget.asked * tokens.video },
    symbolSize: 6,
  } as const;
  const wide = lineChart({ ...chart, width: WIDE, height: 300 });
  return wideAndNarrow(wide, lineChart({ ...chart, width: NARROW, height: 260, legend: 'below' }));
}

/** The similarities, or the attention, that a step chose by; nothing for one that looked at neither. */
export function stepFigure({ similarity, attention, merged, dropped }: TraceStep, title: string): Markup | undefined {
  const went = new Set([...merged.keys(), ...dropped]);
  const split = ({ tokens, values }: Scores, goes: string, colour: number): Kind[] => {
    const of = (gone: boolean): number[] => [...values].filter((_, i) => went.has(tokens[i]!) === gone);
    return [
      { name: goes, colour, values: of(true) },
      { name: 'kept', colour: COLOUR.kept, values: of(false) },
    ];
  };
  if (similarity) {
    // The first token of a place has nothing before it: -2 stands for no number.
    const kinds = split(similarity, 'merged', COLOUR.merged).map(some((value) => value >= -1.01));
    return both({
      title,
      label: 'similarity to the frame before',
      most: 1,
      kinds,
      line: thresholdOf(similarity, merged.size),
    });
  }
  if (!attention) return undefined;
  const kinds = split(attention, 'pruned', COLOUR.pruned)
    .map(some((value) => value > 0))
    .map(logarithms);
  const { cut } = attention;
  const line = cut === undefined || cut <= 0 ? undefined : { name: `cut ${shortNumber(cut)}`, x: Math.log10(cut) };
  return both({ title, label: 'attention of the last row (power of ten)', kinds, line });
}

/** Where merging was cut: at its threshold, or, where the budget wanted fewer, at the least that was merged. */
function thresholdOf({ bound, cut, values }: NonNullable<TraceStep['similarity']>, merged: number) {
  const similar = bound === undefined ? -1 : values.filter((value) => value >= Math.fround(bound)).length;
  if (bound !== undefined && similar === merged) return { name: `threshold ${shortNumber(bound)}`, x: bound };
  return cut === undefined ? undefined : { name: `cut ${shortNumber(cut)}`, x: cut };
}

/** Three digits. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const some =
  (wanted: (value: number) => boolean) =>
  (kind: Kind): Kind => ({ ...kind, values: kind.values.filter(wanted) });

const logarithms = (kind: Kind): Kind => ({ ...kind, values: kind.values.map(Math.log10) });

function both(chart: Omit<Parameters<typeof histogram>[0], 'width' | 'height'>): Markup {
  return wideAndNarrow(
    histogram({ ...chart, width: WIDE, height: 220 }),
    histogram({ ...chart, width: NARROW, height: 210 }),
  );
}
