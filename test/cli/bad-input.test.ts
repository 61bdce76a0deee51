import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runLine } from '../../cli/arguments.ts';
import { UsageError } from '../../cli/flags.ts';
import { describeError } from '../../cli/main.ts';
import { run } from '../../cli/run.ts';
import { makeCheckpoint } from '../../tools/checkpoint/make.ts';
import { sound } from '../media/clips.ts';
import { clip, type Ended, ffRun, tiny } from './process.ts';

/**
 * How a command line ends that cannot be met, found in this process: each start of a command takes seconds of a processor that
 * compiles kernels. What a process makes of such an error is the same for all, and some tests below run one.
 */
async function refusal(args: readonly string[]): Promise<Ended> {
  const adapter = process.env.FRAMEFUSION_ADAPTER;
  const ended = { signal: null, stdout: '' };
  try {
    const parsed = runLine.parse([
      ...args,
      '--quiet',
      ...(adapter && !args.includes('--adapter') ? ['--adapter', adapter] : []),
    ]);
    if (typeof parsed === 'object') await run(parsed, 'test');
    return { ...ended, code: 0, stderr: '' };
  } catch (error) {
    return { ...ended, code: error instanceof UsageError ? 2 : 1, stderr: `ff-run: ${describeError(error)}\n` };
  }
}

/** One line on standard error that starts with the tool's name; nothing on standard output; no stack. */
function expectOneLine({ code, stdout, stderr }: Ended, exitCode: number, line: RegExp): void {
  const said = stderr.replace(/^ff-run: no GPU found: computing on the processor.*\n/m, '');
  expect(said).to.match(line);
  expect(said.trimEnd().split('\n')).to.have.length(1);
  expect(said).to.match(/^ff-run: /);
  expect(said).not.to.match(/\n {4}at |is a fault of/);
  expect(stdout).to.equal('');
  expect(code).to.equal(exitCode);
}

describe('ff-run, given what it cannot use', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-bad-'));
  });
  after(() => rm(folder, { recursive: true }));

  describe('command lines', () => {
    const cases: [string[], RegExp][] = [
      [[], /A video is needed: ff-run VIDEO/],
      [['--cost', '0'], /--cost must be above 0 and at most 1, got "0"/],
      [['--cost', '-1'], /--cost must be above 0 and at most 1, got "-1"/],
      [['--cost', '2'], /--cost must be above 0 and at most 1, got "2"/],
      [['--cost', 'abc'], /--cost must be above 0 and at most 1, got "abc"/],
      [['--cost', ''], /--cost must be above 0 and at most 1, got ""/],
      [['--cost'], /--cost/],
      [['--ratio', '1.5'], /--ratio must be from 0 to 1, got "1.5"/],
      [['--similarity', 'NaN'], /--similarity must be a number above -2/],
      [['--frames', '0'], /--frames must be a whole number from 1 to 65535, got "0"/],
      [['--frames', '2.5'], /--frames must be a whole number/],
      [['--fps', '0'], /--fps must be above 0/],
      [['--top-p', '0'], /--top-p must be above 0 and at most 1/],
      [['--temperature', '-1'], /--temperature must be from 0 to 1000/],
      [['--seed', '-1'], /--seed must be a whole number/],
      [['--max-new-tokens', '0'], /--max-new-tokens must be a whole number from 1 to 65535/],
      [['--budget-layers', 'all'], /--budget-layers must be/],
      [['--reducer', 'best'], /--reducer must be framefusion, framefusion-plus, .*none, got "best"/],
      [['--adapter', 'cpu'], /--adapter must be auto, gpu, software/],
      [['--dtype', 'f64'], /--dtype must be auto, f32, bf16, f16, q8, q4, got "f64"/],
      [['--prompt', ''], /--prompt must not be empty/],
      [['--compare', '--reducer', 'none'], /--compare needs a reducer/],
      [['--no-such-flag'], /Unknown option '--no-such-flag'/],
      [['--prompt', 'What?', 'extra.mp4'], /Unexpected argument "extra\.mp4"/],
      [['--frames', '1e12'], /--frames must be a whole number from 1 to 65535, got "1e12"/],
      [['--frames', '2', '--frames', '4'], /--frames is given twice/],
      [['--fram', '4'], /Unknown option '--fram'\. Did you mean --frames\?/],
      [['--reducer', 'framefusoin'], /got "framefusoin"\. Did you mean framefusion\?/],
      [['--start', '5', '--end', '0:02'], /--end must be after --start, got 2 s and 5 s/],
      [['--start', 'noon'], /--start must be seconds, or \[h:\]mm:ss, got "noon"/],
      [
        ['--model', 'x'.repeat(3000), '--cost', `\u001b[31m${'9'.repeat(500)}`],
        /--cost must be .* got "\\u001b\[31m9+\.\.\."/,
      ],
    ];
    for (const [args, line] of cases)
      it(`answers "${args.join(' ')}" with one line and exit code 2`, async () => {
        const video = args.length === 0 ? [] : ['--video', clip];
        expectOneLine(await refusal([...video, ...args]), 2, line);
      });

    it('ends the process by that line and that code', async () => {
      expectOneLine(await ffRun(['--video', clip, '--cost', '0']), 2, /--cost must be above 0 and at most 1, got "0"/);
      expectOneLine(await ffRun(['--video', clip, '--adapter', 'cpu']), 2, /--adapter must be auto, gpu, software/);
    });
  });

  describe('videos', () => {
    const files: [string, () => Promise<void> | undefined, RegExp][] = [
      ['missing.mp4', () => undefined, /missing\.mp4.*no such file/i],
      ['empty.mp4', () => writeFile(join(folder, 'empty.mp4'), ''), /empty\.mp4.*empty/i],
      ['text.mp4', () => writeFile(join(folder, 'text.mp4'), 'no video at all\n'.repeat(99)), /text\.mp4/],
      [
        'song.m4a',
        async () => writeFile(join(folder, 'song.m4a'), await sound()),
        /song\.m4a: no video stream.*audio aac/,
      ],
      ['folder.mp4', () => mkdir(join(folder, 'folder.mp4')).then(), /folder\.mp4.*(folder|directory)/i],
      ['cut.mp4', async () => writeFile(join(folder, 'cut.mp4'), (await readFile(clip)).subarray(0, 900)), /cut\.mp4/],
    ];
    for (const [name, make, line] of files)
      it(`answers ${name} with one line and exit code 1`, async () => {
        await make();
        const args = ['--video', join(folder, name)];
        // One of them as a process.
        expectOneLine(await (name === 'cut.mp4' ? ffRun(args) : refusal(args)), 1, line);
      });

    it('answers an empty standard input with one line', async () => {
      expectOneLine(await ffRun(['--video', '-'], { stdin: new Uint8Array() }), 1, /standard input: no data/);
    });
  });

  describe('settings and targets', () => {
    it('says which cost cannot be met', async () => {
      const args = ['--video', clip, '--cost', '0.05', '--similarity', '2'];
      expectOneLine(await refusal(args), 1, /cost 0\.05 is too small.*Raise the cost/);
    });

    it('knows before the work that the report cannot be written', async () => {
      const args = ['--video', clip, '--json', join(folder, 'nowhere', 'report.json')];
      expectOneLine(await refusal(args), 1, /--json .*nowhere.*cannot be written/);
    });

    it('refuses a GPU where there is none, or f16 where the adapter has none', async () => {
      const gpu = await ffRun(['--video', clip, '--adapter', 'gpu', '--max-new-tokens', '1']);
      if (gpu.code !== 0) expectOneLine(gpu, 1, /no GPU found.*(driver|software)/);
      const f16 = ['--video', clip, '--adapter', 'embedded', '--dtype', 'f16'];
      expectOneLine(await ffRun(f16), 1, /dtype f16: swiftshader has no shader-f16\. Use f32\./);
    });

    it('says what to install where there is no adapter at all', async () => {
      const broken = join(folder, 'cache', 'framefusion-webgpu', 'swiftshader-147.0.0');
      await mkdir(broken, { recursive: true });
      await writeFile(join(broken, 'vk_swiftshader_icd.json'), '{}');
      const env = { XDG_CACHE_HOME: join(folder, 'cache'), VK_DRIVER_FILES: '/nowhere', VK_ICD_FILENAMES: '/nowhere' };
      const ended = await ffRun(['--video', clip, '--adapter', 'auto'], { env });
      // The loader of drivers complains as well, which is for who has to mend it.
      const stderr = ended.stderr.replace(/^(Warning: vkCreateInstance.*| {4}at CheckVk.*)?\n/gm, '');
      expectOneLine({ ...ended, stderr }, 1, /no WebGPU adapter.*Install a Vulkan driver/);
    });
  });

  describe('checkpoints', () => {
    /** A copy of the embedded checkpoint with something done to it. */
    async function damaged(name: string, damage: (copy: string) => Promise<void>): Promise<Ended> {
      const copy = join(folder, name);
      await cp(tiny, copy, { recursive: true });
      await damage(copy);
      return refusal([...few, '--model', copy]);
    }
    const few = ['--video', clip, '--frames', '1', '--max-new-tokens', '1'];
    const edit =
      (changes: Record<string, unknown>) =>
      async (copy: string): Promise<void> => {
        const file = join(copy, 'config.json');
        await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...changes }));
      };

    it('names an unknown model and what there is', async () => {
      const line = /--model nope: no such folder, and no name of weights\.config\.json \(tiny-llava-video/;
      expectOneLine(await refusal(['--video', clip, '--model', 'nope']), 1, line);
    });

    it('says how to get a named model that is not there', async () => {
      const env = { HF_HUB_CACHE: folder, HF_HUB_OFFLINE: '1' };
      const ended = await ffRun(['--video', clip, '--model', 'lmms-lab/LLaVA-Video-7B-Qwen2'], { env });
      expectOneLine(ended, 1, /lmms-lab\/LLaVA-Video-7B-Qwen2: it was never downloaded.*Unset HF_HUB_OFFLINE/);
    });

    const damages: [string, (copy: string) => Promise<void>, RegExp][] = [
      ['no-config', (copy) => rm(join(copy, 'config.json')), /config\.json: it is missing/],
      ['bad-json', (copy) => writeFile(join(copy, 'config.json'), '{'), /config\.json: must be JSON/],
      ['no-weights', (copy) => rm(join(copy, 'model.safetensors')), /model\.safetensors/],
      ['cut-weights', (copy) => truncate(join(copy, 'model.safetensors'), 1_000_000), /model\.safetensors/],
      ['no-tokenizer', (copy) => rm(join(copy, 'tokenizer.json')), /tokenizer\.json: it is missing/],
      ['bad-tokenizer', (copy) => writeFile(join(copy, 'tokenizer.json'), '{}'), /tokenizer\.json: cannot be read/],
      ['other-shape', edit({ intermediate_size: 192 }), /mlp\.gate_proj\.weight must be \[192,192\], got \[352,192\]/],
      ['more-layers', edit({ num_hidden_layers: 9 }), /expected a tensor "model\.layers\.8\.input_layernorm\.weight"/],
      ['unknown', edit({ architectures: ['MambaForCausalLM'] }), /MambaForCausalLM is not built\. Built are LlavaQwen/],
      ['other-act', edit({ hidden_act: 'relu' }), /hidden_act must be "silu", got "relu"/],
      ['no-heads', edit({ num_attention_heads: 'four' }), /num_attention_heads must be a positive integer, got "four"/],
    ];
    for (const [name, damage, line] of damages)
      it(`answers ${name} with one line and exit code 1`, async () => {
        expectOneLine(await damaged(name, damage), 1, line);
      });

    /** Renames one tensor, or changes its dtype, in the header of the copy's weights; both names are of one length. */
    const header =
      (from: string, to: string) =>
      async (copy: string): Promise<void> => {
        const file = join(copy, 'model.safetensors');
        const bytes = await readFile(file);
        const at = bytes.indexOf(from);
        expect(at).to.be.greaterThan(0);
        bytes.write(to, at);
        await writeFile(file, bytes);
      };

    it('answers a wrong dtype with one line and exit code 1', async () => {
      const text = (await readFile(join(tiny, 'model.safetensors'))).subarray(0, 30_000).toString('latin1');
      const [entry = ''] = /"model\.layers\.2\.mlp\.up_proj\.weight": ?\{"dtype": ?"F16"/.exec(text) ?? [];
      const ended = await damaged('wrong-dtype', header(entry, entry.replace('F16', 'I16')));
      expectOneLine(ended, 1, /model\.layers\.2\.mlp\.up_proj\.weight must be F32, F16 or BF16, got I16/);
    });

    it('answers a missing tensor with one line, and names an unexpected one in a warning', async () => {
      const name = 'model.layers.7.mlp.down_proj.weight';
      const gone = await damaged('renamed', header(name, name.replace('down', 'own_')));
      expectOneLine(gone, 1, /expected a tensor "model\.layers\.7\.mlp\.down_proj\.weight"/);
      const copy = join(folder, 'fewer-layers');
      await cp(tiny, copy, { recursive: true });
      await edit({ num_hidden_layers: 7 })(copy);
      const fewer = await ffRun([...few, '--model', copy]);
      expect(fewer.code).to.equal(0);
      expect(fewer.stderr).to.match(
        /warning: .*12 tensors are not part of the model: .*model\.layers\.7\..* and 9 more/,
      );
    });

    it('names a missing and a truncated shard', async () => {
      const sharded = join(folder, 'sharded');
      await makeCheckpoint(sharded, { preset: 'tiny', seed: 1, shardBytes: 300_000 });
      const shard = join(sharded, 'model-00002-of-0000');
      const [name = ''] = (await readFile(join(sharded, 'model.safetensors.index.json'), 'utf8')).match(
        /model-00002-of-\d+\.safetensors/,
      ) ?? [''];
      expect(name).to.contain(shard.slice(sharded.length + 1));
      const ask = [...few, '--model', sharded];
      await truncate(join(sharded, name), 100_000);
      expectOneLine(await refusal(ask), 1, new RegExp(name));
      await rm(join(sharded, name));
      expectOneLine(await ffRun(ask), 1, new RegExp(`${name}.*no such file`));
    });
  });
});
