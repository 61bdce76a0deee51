/**
 * One layer of every family's real size, on this adapter, against float64: `npm run bench:layers`. Weights are drawn from a
 * seed in bf16, as the checkpoints are; a few rows of the result are computed anew by `layers/reference.ts`.
 */
import { Checkpoint } from '../checkpoint/safetensors.ts';
import { bf16ToF32 } from '../engine/floats.ts';
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Grid } from '../kernels/merge-patches.ts';
import { askedTensors } from '../models/asked-tensors.ts';
import { ConfigReader } from '../models/config.ts';
import {
  type DecoderConfig,
  internLm2Config,
  llamaConfig,
  qwen2Config,
  qwen3Config,
} from '../models/decoder/config.ts';
import { Decoder } from '../models/decoder/decoder.ts';
import { type DecoderNames, internLm2Names, llamaNames, qwen3Names } from '../models/decoder/names.ts';
import { HEAD_DIM, Resampler, type ResamplerConfig } from '../models/minicpm-v/resampler.ts';
import { qwen25VlNames, qwen25VlTowerConfig } from '../models/qwen2-5-vl/tower.ts';
import { qwen2VlNames, qwen2VlTowerConfig } from '../models/qwen2-vl/tower.ts';
import { qwen3VlNames, qwen3VlTowerConfig } from '../models/qwen3-vl/tower.ts';
import { clipConfig, gridOf, internVitConfig, siglipConfig, type TowerConfig } from '../models/tower/config.ts';
import { clipNames, internVitNames, siglipNames, type TowerNames } from '../models/tower/names.ts';
import { Tower } from '../models/tower/tower.ts';
import { WeightLoader } from '../models/weights.ts';
import { drawnStretch } from '../tools/checkpoint/draw.ts';
import { drawn } from '../tools/checkpoint/family.ts';
import type { TensorPlan } from '../tools/checkpoint/tensors.ts';
import { seededTensors } from '../tools/checkpoint/virtual.ts';
import { programFlags } from '../tools/flags.ts';
import { gaussian, randomStream } from '../tools/random.ts';
import { halfShare } from '../tools/verify/check.ts';
import { uploadTokens } from '../tools/verify/tokens.ts';
import { decoderLayer, type Read, resampler, towerLayer } from './layers/reference.ts';

const SEED = 1;

/** Rows of a prompt: an odd number, more than a tile of any kernel. */
const ROWS = 67;

/**
 * Largest difference, as a share of the largest value, which is never less than the root mean square. In f32 the largest sums,
 * of 29,568 products, may lose the root of that times half a unit in the last place.
 */
const LIMITS = { f32: Math.sqrt(29_568) * 2 ** -24, f16: halfShare(0) } as const;

type ComputeDType = keyof typeof LIMITS;

/** One layer: how it is loaded and run, and what it should give. */
interface Case {
  readonly name: string;
  readonly sizes: string;
  /** Rows that go through it. */
  readonly rows: number;
  /** Rows that come out; as many if absent. */
  readonly results?: number;
  load(loader: WeightLoader, computeDtype: ComputeDType): Promise<Layer>;
  expected(read: Read, x: readonly Float64Array[], sampled: readonly number[]): Float64Array[];
}

interface Layer extends Disposable {
  /** Columns of a row that goes in. */
  readonly width: number;
  run(rec: Recorder, x: Float32Array): Promise<Tensor> | Tensor;
}

const sizes = (hidden: number, inner: number, heads: number, kvHeads: number, headDim?: number) =>
  new ConfigReader(
    'sizes',
    JSON.stringify({
      hidden_size: hidden,
      intermediate_size: inner,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      head_dim: headDim,
      num_hidden_layers: 1,
      vocab_size: 64,
      rope_theta: 1e6,
      max_position_embeddings: 32768,
    }),
  );
const tower = (hidden: number, inner: number, image: number, heads = 16, patch = 14) =>
  new ConfigReader(
    'sizes',
    JSON.stringify({
      hidden_size: hidden,
      intermediate_size: inner,
      num_attention_heads: heads,
      num_hidden_layers: 1,
      image_size: image,
      patch_size: patch,
    }),
  );

/** Patches of a picture of no fixed size. */
const GRID: Grid = { rows: 14, columns: 20 };

/** What comes after the last layer is not part of one. */
const layersOnly = ({ finalNorm: _, ...names }: TowerNames): TowerNames => names;

/** Qwen2.5-VL's tower, whose layer 0 attends within windows; `inner` is wider from 32B on. */
const qwen25VlTower = (inner: number) =>
  qwen25VlTowerConfig(new ConfigReader('sizes', { depth: 1, intermediate_size: inner }));

/** Qwen3-VL's, whose positions and planes are not part of a layer. */
const qwen3VlTower = (hidden: number, inner: number) =>
  qwen3VlTowerConfig(new ConfigReader('sizes', { depth: 1, hidden_size: hidden, intermediate_size: inner }));

const cases: readonly Case[] = [
  decoderCase('LLaVA-OneVision 0.5B; InternVL2.5, 3 1B', qwen2Config(sizes(896, 4864, 14, 2)), llamaNames()),
  decoderCase('NVILA Lite 2B; InternVL3 2B', qwen2Config(sizes(1536, 8960, 12, 2)), llamaNames()),
  decoderCase(
    'LLaVA-Video, LLaVA-OneVision, NVILA 7B; MiniCPM-V 2.6; InternVL3 8B; Qwen2.5-VL 7B',
    qwen2Config(sizes(3584, 18944, 28, 4)),
    llamaNames(),
  ),
  decoderCase('LLaVA-NeXT-Video 7B', llamaConfig(sizes(4096, 11008, 32, 32)), llamaNames()),
  decoderCase('InternVL2.5 8B', internLm2Config(sizes(4096, 14336, 32, 8)), internLm2Names()),
  decoderCase('InternVL2.5 4B; Qwen2.5-VL 3B', qwen2Config(sizes(2048, 11008, 16, 2)), llamaNames()),
  decoderCase('InternVL3.5 1B', qwen3Config(sizes(1024, 3072, 16, 8, 128)), qwen3Names()),
  decoderCase('InternVL3.5 2B; Qwen3-VL 2B', qwen3Config(sizes(2048, 6144, 16, 8, 128)), qwen3Names()),
  decoderCase('InternVL3.5 4B; Qwen3-VL 4B', qwen3Config(sizes(2560, 9728, 32, 8, 128)), qwen3Names()),
  decoderCase('InternVL3.5 8B; Qwen3-VL 8B', qwen3Config(sizes(4096, 12288, 32, 8, 128)), qwen3Names()),
  decoderCase('Qwen3-VL 32B', qwen3Config(sizes(5120, 25600, 64, 8, 128)), qwen3Names()),
  decoderCase('SmolVLM2 256M', llamaConfig(sizes(576, 1536, 9, 3, 64)), llamaNames()),
  decoderCase('SmolVLM2 500M', llamaConfig(sizes(960, 2560, 15, 5, 64)), llamaNames()),
  decoderCase('SmolVLM2 2.2B', llamaConfig(sizes(2048, 8192, 32, 32, 64)), llamaNames()),
  decoderCase('NVILA Lite 15B', qwen2Config(sizes(5120, 13824, 40, 8)), llamaNames()),
  decoderCase('LLaVA-Video, Qwen2.5-VL 72B', qwen2Config(sizes(8192, 29568, 64, 8)), llamaNames()),
  towerCase(
    'SigLIP 384: LLaVA-Video, LLaVA-OneVision; SmolVLM2 2.2B',
    siglipConfig(tower(1152, 4304, 384)),
    siglipNames('v'),
  ),
  towerCase('SigLIP 448: NVILA; MiniCPM-V 2.6', siglipConfig(tower(1152, 4304, 448)), siglipNames('v')),
  towerCase('SigLIP 512: SmolVLM2', siglipConfig(tower(768, 3072, 512, 12, 16)), siglipNames('v')),
  towerCase('CLIP 336: LLaVA-NeXT-Video', clipConfig(tower(1024, 4096, 336)), clipNames('v')),
  towerCase('InternViT 448: InternVL2.5, 3, 3.5', internVitConfig(tower(1024, 4096, 448)), internVitNames('v')),
  towerCase(
    'Qwen2-VL',
    qwen2VlTowerConfig(new ConfigReader('sizes', { depth: 1 })),
    layersOnly(qwen2VlNames('v')),
    GRID,
  ),
  towerCase('Qwen2.5-VL 3B, 7B: windows', qwen25VlTower(3420), layersOnly(qwen25VlNames('v')), GRID),
  towerCase('Qwen2.5-VL 72B: windows', qwen25VlTower(3456), layersOnly(qwen25VlNames('v')), GRID),
  towerCase('Qwen3-VL 2B, 4B', qwen3VlTower(1024, 4096), layersOnly(qwen3VlNames('v')), GRID),
  towerCase('Qwen3-VL 8B, 32B', qwen3VlTower(1152, 4304), layersOnly(qwen3VlNames('v')), GRID),
  resamplerCase('MiniCPM-V 2.6, resampler', { inputs: 1152, width: 3584, queries: 64 }),
];

function decoderCase(name: string, config: DecoderConfig, names: DecoderNames): Case {
  const { hiddenSize: width, intermediateSize, heads, kvHeads } = config;
  return {
    name,
    sizes: `${width} x ${intermediateSize}, ${heads}/${kvHeads} heads`,
    rows: ROWS,
    load: async (loader, computeDtype) => {
      const decoder = await Decoder.load(loader, config, names, computeDtype);
      return {
        width,
        run: async (rec, x) => {
          const cache = decoder.newCache(0);
          try {
            const tokens = uploadTokens(rec, x, new Int32Array(ROWS).fill(-1), { first: 0, length: 0 });
            return (await decoder.forward(rec, tokens, cache, { positions: ROWS })).hidden;
          } finally {
            rec.submit();
            cache.dispose();
          }
        },
        [Symbol.dispose]: () => decoder.dispose(),
      };
    },
    expected: (read, x, sampled) => decoderLayer(read, config, names, x, sampled),
  };
}

/** @param grid - Of patches, for towers that rotate. */
function towerCase(name: string, config: TowerConfig, names: TowerNames, grid?: Grid): Case {
  const { hiddenSize: width, intermediateSize, heads } = config;
  // A class token takes part, and is dropped at the end.
  const extra = names.classToken ? 1 : 0;
  const rows = (grid ? grid.rows * grid.columns : gridOf(config) ** 2) + extra;
  return {
    name,
    sizes: `${width} x ${intermediateSize}, ${heads} heads`,
    rows,
    load: async (loader, computeDtype) => {
      const loaded = await Tower.load(loader, config, names, computeDtype);
      return {
        width,
        run: (rec, x) => loaded.encode(rec, rec.upload('embedded', [rows, width], 'f32', x), 1, grid),
        [Symbol.dispose]: () => undefined,
      };
    },
    expected: (read, x, sampled) =>
      towerLayer(
        read,
        config,
        names,
        x,
        sampled.map((row) => row + extra),
        grid,
      ),
  };
}

function resamplerCase(name: string, config: ResamplerConfig): Case {
  const { inputs, width, queries } = config;
  const rows = GRID.rows * GRID.columns;
  return {
    name,
    sizes: `${inputs} to ${width}, ${width / HEAD_DIM} heads, ${queries} queries`,
    rows,
    results: queries,
    load: async (loader, computeDtype) => {
      const loaded = await Resampler.load(loader, config, computeDtype);
      return {
        width: inputs,
        run: (rec, x) => loaded.forward(rec, rec.upload('features', [rows, inputs], 'f32', x), 1, GRID),
        [Symbol.dispose]: () => undefined,
      };
    },
    expected: (read, x, sampled) => resampler(read, GRID, x, sampled),
  };
}

/** A line of the table. */
interface Measured {
  readonly error: number;
  readonly seconds: number;
  readonly bytes: number;
}

async function measure(runtime: Runtime, one: Case, computeDtype: ComputeDType, want: Wanted): Promise<Measured> {
  const checkpoint = await Checkpoint.open(seededTensors(one.name, want.plans, SEED));
  const loader = new WeightLoader(runtime, checkpoint);
  try {
    using layer = await one.load(loader, computeDtype);
    await loader.finish();
    // Pipelines compile on the first run.
    await result(runtime, layer, want.x);
    const started = performance.now();
    const got = await result(runtime, layer, want.x);
    const seconds = (performance.now() - started) / 1000;
    const errors = want.sampled.map((row, i) =>
      largest(want.rows[i]!.map((value, j, { length }) => value - got[row * length + j]!)),
    );
    const error = Math.max(...errors) / Math.max(...want.rows.map(largest));
    return { error: got.every(Number.isFinite) ? error : Number.NaN, seconds, bytes: loader.summary.bytes };
  } finally {
    loader.dispose();
    await checkpoint.close();
  }
}

async function result(runtime: Runtime, layer: Layer, x: Float32Array): Promise<Float32Array> {
  const rec = runtime.recorder('layer');
  try {
    return (await rec.read(await layer.run(rec, x))) as Float32Array;
  } finally {
    rec.finish();
  }
}

/** What goes in, and what should come out in a few rows. */
interface Wanted {
  readonly plans: readonly TensorPlan[];
  readonly x: Float32Array;
  readonly sampled: readonly number[];
  readonly rows: readonly Float64Array[];
}

async function wantedOf(one: Case): Promise<Wanted> {
  let width = 0;
  const asked = await askedTensors(async (loader) => {
    width = (await one.load(loader, 'f32')).width;
  });
  const plans = asked.map(drawn);
  const stream = randomStream(SEED, one.name);
  const x = Float32Array.from({ length: one.rows * width }, () => gaussian(stream));
  const read: Read = (name) => {
    const plan = plans.find((candidate) => candidate.name === name);
    if (!plan) throw new Error(`${one.name}: no tensor ${name}`);
    const elements = plan.shape.reduce((product, n) => product * n, 1);
    return bf16ToF32(new Uint16Array(drawnStretch(plan, 'bf16', SEED)(0, 2 * elements).buffer));
  };
  const rows = Array.from({ length: one.rows }, (_, i) => Float64Array.from(x.subarray(i * width, (i + 1) * width)));
  const { results = one.rows } = one;
  const sampled = [0, Math.floor(results / 2), ROWS - 1].filter((row) => row < results);
  return { plans, x, sampled, rows: one.expected(read, rows, sampled) };
}

function largest(row: Float64Array): number {
  return row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

async function main(): Promise<void> {
  const values = programFlags('Checks one layer of every family at its real size against float64.', {
    adapter: { type: 'string', default: 'auto', help: 'auto, gpu, software or embedded' },
    only: { type: 'string', default: '', help: 'the layers whose name has this text' },
  });
  const runtime = await openRuntime({ adapter: values.adapter as AdapterChoice });
  console.log(`one layer with weights in bf16 on ${runtime.adapterName}; error: of the largest value, against float64`);
  console.log('layer | sizes | weights | rows | f32: error, ms | f16: error, ms');
  for (const one of cases.filter(({ name }) => name.includes(values.only))) {
    const want = await wantedOf(one);
    const cells: string[] = [];
    let bytes = 0;
    for (const computeDtype of runtime.hasF16 ? (['f32', 'f16'] as const) : (['f32'] as const)) {
      const { error, seconds, bytes: held } = await measure(runtime, one, computeDtype, want);
      const ok = error <= LIMITS[computeDtype];
      if (!ok) process.exitCode = 1;
      bytes = held;
      cells.push(
        `${error.toExponential(1)}${ok ? '' : ` BEYOND ${LIMITS[computeDtype]}`}, ${(1000 * seconds).toFixed(0)}`,
      );
    }
    console.log([one.name, one.sizes, `${(bytes / 1e6).toFixed(0)} MB`, one.rows, ...cells].join(' | '));
  }
  runtime.close();
}

await main();
