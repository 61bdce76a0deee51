import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderFiles, openCheckpoint } from '../../checkpoint/file-source.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors-writer.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { families } from '../helpers/families.ts';
import { framesFor } from '../helpers/model.ts';

/** Writes a checkpoint anew with other names. */
async function rename(from: string, to: string, other: (name: string) => string): Promise<void> {
  await cp(from, to, { recursive: true });
  const checkpoint = await openCheckpoint(from);
  const infos = [...checkpoint.names()].map((name) => ({ ...checkpoint.get(name), stored: name, name: other(name) }));
  const { header, tensors } = encodeSafetensors(infos);
  const bytes = tensors.map(({ name }) => checkpoint.read(infos.find((info) => info.name === name)!.stored));
  await writeFile(join(to, 'model.safetensors'), Buffer.concat([header, ...(await Promise.all(bytes))]));
  await checkpoint.close();
}

/** As the classes of transformers have them from 4.52 on. */
const nested = (name: string): string =>
  name.startsWith('language_model.lm_head.')
    ? name.slice('language_model.'.length)
    : `model.${name.replace('language_model.model.', 'language_model.')}`;

/** As transformers 5 names the tower of a model that was made by it. */
const anew = (name: string): string => nested(name.replace('vision_tower.vision_model.', 'vision_tower.'));

async function answers(folder: string) {
  using model = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
  using video = await model.encode(framesFor(model, 3));
  const answer = model.answer(video, 'What moves?', { maxNewTokens: 4 });
  for await (const _ of answer);
  return { ids: answer.stats.ids, unused: model.unusedTensors, matrices: model.weights.matrices };
}

describe('tensors under the names of other releases', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-names-'));
  });
  after(() => rm(root, { recursive: true }));

  for (const [family, names] of [
    ['InternVL3, hf', nested],
    ['LLaVA-OneVision, llava-hf', nested],
    ['LLaVA-OneVision, llava-hf', anew],
    ['LLaVA-NeXT-Video', anew],
  ] as const)
    it(`are those of the model: ${family}, ${names.name}`, async () => {
      const [old, other] = [join(root, `${family} old ${names.name}`), join(root, `${family} ${names.name}`)];
      await makeFamilyCheckpoint(old, families[family]!);
      await rename(old, other, names);
      const [want, got] = [await answers(old), await answers(other)];
      expect(got.unused).to.deep.equal([]);
      expect(got.ids).to.deep.equal(want.ids).and.have.length(4);
      // What ff-convert packs it finds by the names in the file.
      expect(got.matrices).to.deep.equal(want.matrices.map((matrix) => ({ ...matrix, name: names(matrix.name) })));
      expect(got.matrices.map(({ name }) => name)).to.include('model.language_model.embed_tokens.weight');
    }).timeout(120_000);
});
