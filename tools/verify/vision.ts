import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { folderFiles, openCheckpoint } from '../../checkpoint/file-source.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { pool, pooledSide, tokensPerFrame } from '../../kernels/pool.ts';
import { tokensIn } from '../../models/family.ts';
import { readConfig } from '../../models/files.ts';
import { LlavaEncoder } from '../../models/llava-encoder.ts';
import { encoderNames } from '../../models/llava-video/llava-video.ts';
import { gridOf, siglipConfig, withoutLast } from '../../models/tower/config.ts';
import { WeightLoader } from '../../models/weights.ts';
import { type CaseResult, type Checker, exact, Golden, limits, type Precision, readJson, runCase } from './check.ts';

/** Every case of a `vision` folder: towers from pixels to visual tokens, and pooling alone. */
export async function* verifyVision(folder: string, runtime: Runtime, precision = exact): AsyncGenerator<CaseResult> {
  const { cases } = await readJson<{ cases: string[] }>(folder, 'index.json');
  for (const name of cases)
    yield await runCase(`vision/${name}`, (check) =>
      existsSync(join(folder, name, 'golden.json'))
        ? verifyTower(join(folder, name), runtime, precision, check)
        : verifyPool(folder, name, runtime, check),
    );
}

async function verifyTower(folder: string, runtime: Runtime, precision: Precision, check: Checker): Promise<void> {
  const wanted = await readJson<{ frames: number; llm_hidden_size: number; patch_num: number }>(folder, 'golden.json');
  const golden = await Golden.open(join(folder, 'golden.safetensors'));
  const config = await readConfig(folderFiles(folder), 'vision_config.json');
  if (!config) throw new Error(`${folder}/vision_config.json is missing`);
  const checkpoint = await openCheckpoint(folder);
  const loader = new WeightLoader(runtime, checkpoint);
  const rec = runtime.recorder('vision');
  try {
    const encoder = await LlavaEncoder.load(
      loader,
      {
        tower: withoutLast(siglipConfig(config), 1),
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
    const pixels = rec.upload('pixels', golden.get('pixel_values').shape, 'f32', golden.floats('pixel_values'));
    const embedded = encoder.tower.embed(rec, pixels);
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
  } finally {
    rec.finish();
    loader.dispose();
    await checkpoint.close();
  }
}

async function verifyPool(folder: string, name: string, runtime: Runtime, check: Checker): Promise<void> {
  const { grid, dim, frames } = await readJson<{ grid: number; dim: number; frames: number }>(folder, `${name}.json`);
  const golden = await Golden.open(join(folder, `${name}.safetensors`));
  const rec = runtime.recorder(name);
  const x = rec.upload('features', [frames * grid ** 2, dim], 'f32', golden.floats('features'));
  const newline = rec.upload('newline', [dim], 'f32', golden.floats('image_newline'));
  for (const mode of ['bilinear', 'average', 'max'] as const) {
    const rows = frames * tokensPerFrame(pooledSide(grid, mode), 'row');
    const tokens = pool(rec, x, { grid, mode, newlines: 'row', newline });
    check.equal(`${mode} tokens`, tokens.shape, [rows, dim]);
    const pooled = await rec.read(pool(rec, x, { grid, mode }));
    check.close(`${mode} pooled`, pooled, golden.floats(`${mode}_pooled`), limits.vision);
    check.close(`${mode} tokens`, await rec.read(tokens), golden.floats(`${mode}_tokens`), limits.vision);
  }
  rec.finish();
}
