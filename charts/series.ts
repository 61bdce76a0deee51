/** Points, their intervals and levels as series of ECharts. */
import type { CustomSeriesOption, LineSeriesOption } from 'echarts/charts';
import { type Paint, referenceLooks, seriesColour, seriesLooks } from './palette.ts';
import { type Axis, type Scale, written } from './scale.ts';

/** One measurement; what is not finite is left out. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** Ends of its interval. */
  readonly low?: number;
  readonly high?: number;
}

/** Points that belong together, joined in the order of their x. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

/** A level that does not depend on x, with its interval as a band. */
export type Reference = { readonly name: string } & Omit<Point, 'x'>;

/** The axes that values are of. */
interface Axes {
  readonly x: Axis;
  readonly y: Axis;
}

type Drawn = (LineSeriesOption | CustomSeriesOption)[];

/** Whether a point can be drawn. */
export const isDrawn = ({ x, y }: Point): boolean => Number.isFinite(x) && Number.isFinite(y);

/** How one series is drawn. */
interface Drawing {
  readonly axes: Axes;
  readonly paint: Paint;
  /** Its place among the series. */
  readonly index: number;
  /** How far it moves sideways, in units of the x axis. */
  readonly shift: number;
  /** Pixels that it has for itself sideways. */
  readonly pitch: number;
  readonly symbolSize: number | undefined;
}

/** A line with its symbols, and the intervals. */
export function seriesOf({ points }: Series, { axes, paint, index, shift, pitch, symbolSize }: Drawing): Drawn {
  const drawn = points.filter(isDrawn).sort((a, b) => a.x - b.x);
  const at = ({ x }: Point): number => written(axes.x, x) + shift;
  const ends = drawn.flatMap((point): Ends[] =>
    point.low === undefined || point.high === undefined
      ? []
      : [[at(point), written(axes.y, point.low), written(axes.y, point.high)]],
  );
  const data = drawn.map((point) => [at(point), written(axes.y, point.y)]);
  const looks = seriesLooks(index, paint, symbolSize);
  return [
    { type: 'line', name: `series ${index}`, silent: true, clip: false, z: 4, data, ...looks },
    whiskers(ends, { colour: seriesColour(index, paint), bar: Math.min(3, pitch / 2) }),
  ];
}

type Ends = readonly [x: number, low: number, high: number];

/** All intervals of a series as one path: an upright line each, with bars at its ends where there is room for them. */
function whiskers(ends: readonly Ends[], { colour, bar }: { colour: string; bar: number }): CustomSeriesOption {
  return {
    type: 'custom',
    silent: true,
    data: ends.length > 0 ? [0] : [],
    z: 3,
    renderItem: (_, api) => {
      const at = (x: number, y: number): readonly number[] => api.coord([x, y]).map((pixel) => round(pixel));
      const paths = ends.map(([x, low, high]) => {
        const [[pixel = 0, bottom = 0], [, top = 0]] = [at(x, low), at(x, high)];
        const barAt = (y: number): string => (bar < 2 ? '' : `M${round(pixel - bar)} ${y}H${round(pixel + bar)}`);
        return `M${pixel} ${bottom}V${top}${barAt(bottom)}${barAt(top)}`;
      });
      const style = { fill: 'none', stroke: colour, lineWidth: 1, opacity: 0.75 };
      return { type: 'path', shape: { pathData: paths.join('') }, style };
    },
  };
}

const round = (pixels: number): number => Math.round(10 * pixels) / 10;

/** A level over the whole width, with its band behind everything. */
export function referenceSeries(
  { y, low = y, high = y }: Reference,
  { axes, x, paint }: { axes: Axes; x: Scale; paint: Paint },
): Drawn {
  const level = written(axes.y, y);
  if (!Number.isFinite(level)) return [];
  const band: CustomSeriesOption = {
    type: 'custom',
    silent: true,
    data: [0],
    z: -1, // the grid is 0
    renderItem: (_, api) => {
      const [from = 0, top = 0] = api.coord([x.min, written(axes.y, high)]);
      const [to = 0, bottom = 0] = api.coord([x.max, written(axes.y, low)]);
      const shape = { x: Math.min(from, to), y: top, width: Math.abs(to - from), height: bottom - top };
      return { type: 'rect', shape, style: { fill: paint.band } };
    },
  };
  const data = [x.min, x.max].map((end) => [end, level]);
  return [band, { type: 'line', name: 'reference', silent: true, clip: false, z: 2, data, ...referenceLooks(paint) }];
}
