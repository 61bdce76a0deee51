/** `npm run fuzz`: hostile inputs of every kind, from a seed, for as many minutes as one likes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Kind, kinds } from './kinds.ts';

const HELP = `Throws hostile inputs at everything that takes some, and says which were not refused in one clear line.

  npm run fuzz -- [--minutes N] [--seed N] [--only KIND,KIND]

  --minutes N  how long (default 1)
  --seed N     where the inputs begin (default 1); a seed gives the same inputs everywhere
  --only KIND  of ${kinds.map(({ name }) => name).join(', ')}

What it finds lies in work/fuzz/, one file each: kind, seed, the smallest input, and what happened.`;

/** Milliseconds of one kind, then it is the next one's turn. */
const TURN_MS = 5000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(HELP);
  const wanted = values.only?.split(',');
  const chosen = kinds.filter(({ name }) => wanted?.includes(name) ?? true);
  const end = performance.now() + Number(values.minutes ?? 1) * 60_000;
  const counts = new Map(chosen.map(({ name }) => [name, { inputs: 0, finds: 0 }]));
  for (let seed = Number(values.seed ?? 1); performance.now() < end; seed++)
    for (const one of chosen) {
      const count = counts.get(one.name)!;
      const found = await turn(one, seed, Math.min(TURN_MS, end - performance.now()));
      count.inputs += found.inputs;
      count.finds += Number(found.failed);
      if (performance.now() >= end) break;
    }
  for (const [name, { inputs, finds }] of counts) console.log(`${name.padEnd(10)} ${inputs} inputs, ${finds} finds`);
  process.exitCode = [...counts.values()].some(({ finds }) => finds > 0) ? 1 : 0;
}

async function turn(one: Kind, seed: number, milliseconds: number) {
  const report = await one.check({ seed, runs: 1_000_000, milliseconds: Math.max(1, milliseconds) });
  const failed = report.failed && report.counterexample !== null;
  if (failed) {
    const file = `work/fuzz/${one.name}-${seed}.json`;
    const error = report.errorInstance as Error | undefined;
    await mkdir('work/fuzz', { recursive: true });
    await writeFile(
      file,
      `${JSON.stringify({ kind: one.name, seed, input: report.counterexample, error: error?.stack ?? String(error) }, null, 2)}\n`,
    );
    console.log(`${one.name}, seed ${seed}: ${error?.message.split('\n')[0]} (${file})`);
  }
  return { inputs: report.numRuns, failed };
}

await main();
process.exit();
