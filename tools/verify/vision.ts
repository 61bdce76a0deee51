import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { pool, pooledSide, tokensPerFrame } from '../../kernels/pool.ts';
import { tokensIn } from '../../models/family.ts';
import { LlavaEncoder } from '../../models/llava-encoder.ts';
import { encoderNames } from '../../models/llava-video/llava-video.ts';
import { gridOf, siglipConfig, withoutLast } from '../../models/tower/config.ts';
import {
  type CaseResult,
  type Checker,
  exact,
  Golden,
  limits,
  type Precision,
  readJson,
  runRecorded,
} from './check.ts';
import { openWeights } from './open.ts';

/** Every case of a `vision` folder: towers from pixels to visual tokens, and pooling alone. */
export async function* verifyVision(folder: string, runtime: Runtime, precision = exact): AsyncGenerator<CaseResult> {
  const { cases } = await readJson<{ cases: string[] }>(folder, 'index.json');
  for (const name of cases)
    yield await runRecorded(`vision/${name}`, runtime, (rec, check) =>
      existsSync(join(folder, name, 'golden.json'))
        ? verifyTower(rec, join(folder, name), runtime, precision, check)
        : verifyPool(rec, folder, name, check),
    );
}

async function verifyTower(
  rec: Recorder,
  folder: string,
  runtime: Runtime,
  precision: Precision,
  check: Checker,
): Promise<void> {
  const wanted = await readJson<{ frames: number; llm_hidden_size: number; patch_num: number }>(folder, 'golden.json');
  const golden = await Golden.open(join(folder, 'golden.safetensors'));
  await using weights = await openWeights(folder, runtime, 'vision_config.json');
  const encoder = await LlavaEncoder.load(
    weights.loader,
    {
      tower: withoutLast(siglipConfig(weights.config), 1),
      outSize: wanted.llm_hidden_size,
      poolMode: 'bilinear',
      poolFirst: false,
      newlines: 'row',
      finalNewline: false,
    },
    encoderNames(2),
    precision.computeDtype,
  );
  check.equal('tokens of a frame', tokensIn(encoder.tokenGrid()), wanted.patch_num);
  const embedded = encoder.tower.embed(rec, golden.upload(rec, 'pixel_values'));
  const features = encoder.tower.encode(rec, embedded, wanted.frames);
  const projected = encoder.project(rec, features);
  const { tower, poolMode: mode } = encoder.config;
  const results = {
    patch_and_position_embeddings: embedded,
    tower_out: features,
    projected,
    pooled: pool(rec, projected, { grid: gridOf(tower), mode }),
    visual_tokens: encoder.arrange(rec, projected),
  };
  for (const [name, tensor] of Object.entries(results)) {
    const want = golden.floats(name);
    check.close(name, await rec.read(tensor), want, precision.vision(want, encoder.config.tower.layers));
  }
}

async function verifyPool(rec: Recorder, folder: string, name: string, check: Checker): Promise<void> {
  const { grid, dim, frames } = await readJson<{ grid: number; dim: number; frames: number }>(folder, `${name}.json`);
  const golden = await Golden.open(join(folder, `${name}.safetensors`));
  const x = rec.upload('features', [frames * grid ** 2, dim], 'f32', golden.floats('features'));
  const newline = golden.upload(rec, 'image_newline');
  for (const mode of ['bilinear', 'average', 'max'] as const) {
    const rows = frames * tokensPerFrame(pooledSide(grid, mode), 'row');
    const tokens = pool(rec, x, { grid, mode, newlines: 'row', newline });
    check.equal(`${mode} tokens`, tokens.shape, [rows, dim]);
    const pooled = await rec.read(pool(rec, x, { grid, mode }));
    check.close(`${mode} pooled`, pooled, golden.floats(`${mode}_pooled`), limits.vision);
    check.close(`${mode} tokens`, await rec.read(tokens), golden.floats(`${mode}_tokens`), limits.vision);
  }
}
