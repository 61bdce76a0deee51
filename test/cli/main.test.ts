import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { UsageError } from '../../cli/flags.ts';
import { describeError } from '../../cli/main.ts';
import { DeviceError, InputError, KernelError, ShapeError, WeightsError } from '../../engine/errors.ts';
import { HubError } from '../../hub/errors.ts';
import { VideoError } from '../../media/errors.ts';

describe('what a command says of an error', () => {
  it('is one line where a user can mend it, whichever class it is of', () => {
    const line = 'clip.mp4: it is wrong.';
    const all = [DeviceError, InputError, WeightsError, HubError, UsageError].map((type) => new type(line));
    for (const error of [
      ...all,
      new VideoError('clip.mp4', 'it is wrong.'),
      new (class Mine extends InputError {})(line),
    ])
      expect(describeError(error), error.name).to.equal(line);
  });

  it('is the stack and where to report it where the program is at fault', () => {
    const { bugs, version } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const error of [new KernelError('broken.wgsl:1:1: no'), new ShapeError('no'), new TypeError('no'), 'thrown']) {
      const text = describeError(error);
      expect(text).to.include('this is a fault of framefusion-webgpu').and.include(bugs.url).and.include(version);
      if (error instanceof Error) expect(text).to.match(/\n {4}at /);
      else expect(text).to.match(/\nthrown$/);
    }
    expect(describeError(new TypeError('\x1b[31mred\u202e'))).to.match(/\\x1b\[31mred\\u202e/);
  });
});
