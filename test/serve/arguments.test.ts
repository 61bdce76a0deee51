import { expect } from 'chai';
import { type ServeArguments, serveLine } from '../../serve/arguments.ts';

/** A value of each flag that is not its default, and what is made of it. */
const GIVEN: Readonly<Record<string, readonly [words: readonly string[], made: Partial<ServeArguments>]>> = {
  model: [['owner/name'], { model: 'owner/name' }],
  alias: [['a', '--alias', 'b'], { aliases: ['a', 'b'] }],
  cost: [['0.5'], { cost: 0.5 }],
  reducer: [['fastv'], { reducer: 'fastv' }],
  similarity: [['-0.5'], { similarity: -0.5 }],
  ratio: [['0.2'], { ratio: 0.2 }],
  family: [['family.ts'], { family: 'family.ts' }],
  frames: [['7'], { frames: 7 }],
  fps: [['2.5'], { fps: 2.5 }],
  host: [['::1'], { host: '::1' }],
  port: [['0'], { port: 0 }],
  'api-key': [['sesame'], { apiKey: 'sesame' }],
  'media-root': [['/a', '--media-root', '/b c'], { mediaRoots: ['/a', '/b c'] }],
  'allow-remote': [[], { allowRemote: true }],
  'max-body': [['0.5'], { maxBody: 5e5 }],
  'max-video-seconds': [['60'], { maxVideoSeconds: 60 }],
  'media-timeout': [['1.5'], { mediaTimeout: 1.5 }],
  queue: [['0'], { queue: 0 }],
  parallel: [['3'], { parallel: 3 }],
  'cache-gb': [['0'], { cache: 0 }],
  cors: [['https://a', '--cors', '*'], { cors: ['https://a', '*'] }],
  threads: [['1'], { threads: 1 }],
  log: [['json'], { log: 'json' }],
  memory: [['1.5'], { memory: 1.5e9 }],
  adapter: [['software'], { adapter: 'software' }],
  dtype: [['q8'], { dtype: 'q8' }],
};

const parsed = (...argv: string[]): ServeArguments => {
  const made = serveLine.parse(argv);
  if (typeof made === 'string') throw new Error(made);
  return made;
};

describe('the flags of ff-serve', () => {
  const { FRAMEFUSION_API_KEY: before } = process.env;
  beforeEach(() => delete process.env.FRAMEFUSION_API_KEY);
  after(() => {
    if (before !== undefined) process.env.FRAMEFUSION_API_KEY = before;
  });

  it('are those that the help text has, each of which sets its own', () => {
    const told = [...serveLine.help().matchAll(/^ {2}(?:-\w, )?--([\w-]+)/gm)].map(([, name]) => name);
    expect(Object.keys(GIVEN).concat('help', 'version')).to.have.members(told);
    const defaults = parsed();
    for (const [flag, [words, made]] of Object.entries(GIVEN)) {
      expect(parsed(`--${flag}`, ...words), flag).to.deep.equal({ ...defaults, ...made });
      expect(defaults, flag).to.not.deep.include(made);
    }
    expect([serveLine.parse(['-h']), serveLine.parse(['--version'])]).to.deep.equal(['help', 'version']);
  });

  it('may leave the key to the environment, which loses against the flag, and others than this machine need one', () => {
    process.env.FRAMEFUSION_API_KEY = 'sesame';
    expect(parsed()).to.include({ apiKey: 'sesame' });
    expect(parsed('--host', '0.0.0.0')).to.include({ host: '0.0.0.0', apiKey: 'sesame' });
    expect(parsed('--api-key', 'poppy')).to.include({ apiKey: 'poppy' });
    process.env.FRAMEFUSION_API_KEY = '';
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.org', 'localhost.example.org'])
      expect(() => parsed('--host', host), host).to.throw(/reached by others: give --api-key/);
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
      expect(parsed('--host', host)).to.not.have.property('apiKey');
  });

  for (const [says, ...argv] of [
    [/--api-key must be printable ASCII/, '--api-key', 'a b'],
    [/--port must be a whole number from 0 to 65535/, '--port', '70000'],
    [/--cost must be above 0/, '--cost', '0'],
    [/--queue must be a whole number/, '--queue', '-1'],
    [/--cache-gb must be from 0 on/, '--cache-gb', '-1'],
    [/--max-body must be above 0/, '--max-body', '0'],
    [/--max-video-seconds must be above 0/, '--max-video-seconds', 'hour'],
    [/--threads must be a whole number from 1/, '--threads', '0'],
    [/--parallel must be a whole number from 1/, '--parallel', '1.5'],
    [/--log must be text, json, none/, '--log', 'xml'],
    [/Did you mean --cache-gb/, '--cache-bg', '1'],
    [/Unexpected argument/, 'clip.mp4'],
  ] as const)
    it(`are refused in words: ${argv.join(' ')}`, () => {
      expect(() => parsed(...argv)).to.throw(says);
    });
});
