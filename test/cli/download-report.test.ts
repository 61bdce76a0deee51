import { expect } from 'chai';
import { DownloadReport, downloadLine } from '../../cli/download-report.ts';
import { clockText, durationText, Rate } from '../../cli/quantities.ts';
import { hubSettings } from '../../hub/settings.ts';

const GB = 1e9;
const shard = (number: number, done: number) => ({
  path: `model-0000${number}-of-00004.safetensors`,
  done,
  of: 4 * GB,
});

/** Four shards of 4 GB, of which so much is there. */
function progress(...done: number[]) {
  const files = done.map((bytes, index) => shard(index + 1, bytes));
  const sum = done.reduce((total, bytes) => total + bytes, 0);
  return { done: sum, of: 4 * GB * done.length, received: sum, files };
}

describe('the report of a download', () => {
  it('shows the whole, the rate, the time left, and the files under way', () => {
    expect(downloadLine(progress(4 * GB, 1.5 * GB, 0.5 * GB, 0), 50e6, 200)).to.equal(
      '37 %  6.00 GB of 16.00 GB  50.0 MB/s  3:20 left  model-00002-of-00004.safetensors 37 %, model-00003-of-00004.safetensors 12 %',
    );
  });

  it('has no rate and no end before bytes come, and no file before one has begun', () => {
    expect(downloadLine(progress(0, 0), 0, 200)).to.equal('0 %  0 bytes of 8.00 GB');
  });

  it('says 100 % of what is whole, and of nothing else', () => {
    expect(downloadLine(progress(4 * GB, 4 * GB - 1), 0, 24)).to.equal('99 %  8.00 GB of 8.00 GB');
    expect(downloadLine(progress(4 * GB), 0, 200)).to.match(/^100 % /);
    expect(downloadLine({ done: 0, of: 0, received: 0, files: [] }, 0, 200)).to.match(/^100 % /);
  });

  it('fits into any terminal: fewer files, a shortened one, none, part of the line', () => {
    const state = progress(GB, GB, GB, GB);
    const lines = [170, 120, 100, 79, 60, 20, 0].map((columns) => downloadLine(state, 50e6, columns));
    const all = '25 %  4.00 GB of 16.00 GB  50.0 MB/s  4:00 left';
    const name = (number: number) => `model-0000${number}-of-00004.safetensors 25 %`;
    expect(lines).to.deep.equal([
      `${all}  ${name(1)}, ${name(2)}, ${name(3)} +1`,
      `${all}  ${name(1)} +3`,
      `${all}  ${name(1)} +3`,
      `${all}  model-00001-of-0000... 25 % +3`,
      all,
      all.slice(0, 20),
      '',
    ]);
    for (let columns = 0; columns < 220; columns++)
      expect(downloadLine(state, 50e6, columns).length).to.be.at.most(columns);
  });

  it('keeps a name of the repository from steering the terminal', () => {
    const files = [{ path: 'a\x1b[2Jb', done: 1, of: 2 }];
    expect(downloadLine({ done: 1, of: 2, received: 1, files }, 0, 200)).to.match(/ {2}a\\x1b\[2Jb 50 %$/);
  });

  it('takes the rate over the last seconds, and not over the pauses before', () => {
    const rate = new Rate();
    expect(rate.at(0, 0)).to.equal(0);
    expect(rate.at(0, 5)).to.equal(0);
    expect(rate.at(2, 400)).to.equal(200);
    for (let second = 100; second <= 115; second++) rate.at(second, 400 + (second - 100) * 70);
    expect(rate.at(116, 400 + 16 * 70)).to.equal(70);
  });

  it('writes times as short as they may be', () => {
    expect([0, 9.2, 190, 3599.5, 3910].map(clockText)).to.deep.equal(['0:00', '0:10', '3:10', '1:00:00', '1:05:10']);
    const times = [0.04, 59.94, 59.96, 190.4, 3599.6, 3910].map(durationText);
    expect(times).to.deep.equal(['0.0 s', '59.9 s', '1 min 0 s', '3 min 10 s', '1 h 0 min', '1 h 5 min']);
  });

  /** A report with a clock of its own, and what it said. */
  function reported() {
    const said: string[] = [];
    const time = { seconds: 100 };
    const say = (text: string) => void said.push(text);
    const log = { tool: 'ff-run', columns: 79, note: say, progress: say };
    return { said, time, report: new DownloadReport('owner/name', log, () => time.seconds) };
  }

  it('notes what is to come and what came, with one line in between', () => {
    const { said, time, report } = reported();
    report.update({ ...progress(4 * GB, 0, 0), received: 0 });
    time.seconds += 20;
    report.update({ ...progress(4 * GB, GB, GB), received: 2 * GB });
    time.seconds += 100;
    report.update({ ...progress(4 * GB, 4 * GB, 4 * GB), received: 8 * GB });
    report.finish();
    expect(said).to.deep.equal([
      `ff-run: downloading owner/name (2 files, 8.00 GB) to ${hubSettings().cacheDir}`,
      '33 %  4.00 GB of 12.00 GB',
      '50 %  6.00 GB of 12.00 GB  100.0 MB/s  1:00 left  model-00002-of-000... 25 % +1',
      '100 %  12.00 GB of 12.00 GB  60.0 MB/s  0:00 left',
      'ff-run: downloaded 8.00 GB in 2 min 0 s (66.7 MB/s)',
    ]);
  });

  it('says nothing where nothing is missing, and claims nothing that another process did', () => {
    const { said, report } = reported();
    report.finish();
    expect([said, report.started]).to.deep.equal([[], false]);
    report.update({ ...progress(0), received: 0 });
    report.finish();
    expect(said.at(0)).to.match(/\(1 file, 4\.00 GB\)/);
    expect(said.at(-1)).to.equal('ff-run: owner/name is complete');
  });
});
