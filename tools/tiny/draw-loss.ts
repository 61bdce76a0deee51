/** Draws what train.py logged: `npx tsx tools/tiny/draw-loss.ts LOG.jsonl OUT.svg`. */
import { readFile, writeFile } from 'node:fs/promises';
import { lineChart } from '../../charts/line-chart.ts';
import { onWhite } from '../../charts/palette.ts';
import { InputError } from '../../engine/errors.ts';
import { runTool } from '../flags.ts';

/** A line of the log. */
interface Entry {
  readonly stage?: string;
  readonly steps: number;
  readonly loss: number;
  readonly right: number;
}

async function main(): Promise<void> {
  const [log, out] = process.argv.slice(2);
  if (log === undefined || out === undefined) throw new InputError('usage: draw-loss.ts LOG.jsonl OUT.svg');
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Entry).filter(({ stage }) => stage !== undefined);
  const stages = [...new Set(entries.map(({ stage }) => stage as string))];
  const curve = (of: 'loss' | 'right') =>
    stages.map((stage) => ({
      name: `${stage}: ${of === 'loss' ? 'loss' : 'right'}`,
      points: entries.filter((entry) => entry.stage === stage).map((entry) => ({ x: entry.steps, y: entry[of] })),
    }));
  const svg = lineChart({
    title: 'Training of the embedded model: loss, and share of what it got right',
    heading: true,
    x: { label: 'steps', range: [0, 0] },
    y: { label: 'loss, and share that was right', range: [0, 1] },
    series: [...curve('loss'), ...curve('right')],
    width: 860,
    height: 360,
    symbolSize: 3,
    paint: onWhite,
  });
  await writeFile(out, svg);
}

await runTool('draw-loss', main);
