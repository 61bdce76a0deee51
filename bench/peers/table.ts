/** Peers as a person reads them: how many times our time each takes. */
import type { Runtime } from '../../engine/runtime.ts';
import { type BenchTable, digits, spreadText, timesText } from '../common/print.ts';
import { fairSeconds, type Spread } from '../common/timing.ts';
import type { PeerReport, PeerResult } from './report.ts';

export function fairPeerSeconds(kind: Runtime['adapterKind'], { measured }: PeerResult): Spread | undefined {
  return measured && fairSeconds(kind, measured);
}

/** A table a job, and who did not take part. */
export function peerTables(report: PeerReport): BenchTable[] {
  const names = [...new Set(report.results.map(({ job }) => job))];
  const tables = names.map((name) => jobTable(report, name));
  if (report.missing.length === 0) return tables;
  return [...tables, { title: 'Not here', head: [''], rows: report.missing.map((line) => [line]) }];
}

function jobTable({ results, adapter, machine }: PeerReport, name: string): BenchTable {
  const of = results.filter(({ job }) => job === name);
  const seconds = (result: PeerResult): number => fairPeerSeconds(adapter.kind, result)?.median ?? Number.NaN;
  const ours = of.filter((result) => result.ours);
  const rows = of.map((result) => {
    const { engine, version, format, measured, reason, flops } = result;
    const who = result.ours ? engine : `${engine} ${version}`;
    if (!measured) return [who, format, reason ?? 'no result'];
    const ratios = ours.map((mine) => (mine === result ? '' : timesText(seconds(result) / seconds(mine))));
    return [
      who,
      format,
      spreadText(measured.wall),
      spreadText(measured.cpu),
      digits(flops / seconds(result) / 1e9),
      ...ratios,
    ];
  });
  const best = bestPeer(of, seconds);
  const summary = best
    ? ours.map((mine) => `${timesText(seconds(best) / seconds(mine))} with ${mine.format}`).join(', ')
    : 'no peer took part';
  const clock =
    adapter.kind === 'software' ? `processor time over ${machine.cores} cores` : 'the wall, a row read back included';
  return {
    title: name,
    head: ['', 'format', 'wall', 'processor', 'GFLOP/s', ...ours.map((mine) => `/ ${mine.format}`)],
    rows,
    notes: [
      `The best peer${best ? `, ${best.engine} ${best.format},` : ''} takes, of our time: ${summary}. Rates and ratios are by ${clock}.`,
    ],
  };
}

function bestPeer(of: readonly PeerResult[], seconds: (result: PeerResult) => number): PeerResult | undefined {
  const peers = of.filter(({ ours, measured }) => !ours && measured);
  return peers.toSorted((a, b) => seconds(a) - seconds(b))[0];
}
