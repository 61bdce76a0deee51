import { expect } from 'chai';
import { checkpointFiles } from '../../hub/checkpoint-files.ts';
import { HubError } from '../../hub/errors.ts';
import { expectRejection } from '../helpers/errors.ts';

const index = JSON.stringify({ weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } });

function filesFor(...paths: readonly string[]): Promise<string[]> {
  const all = new Set(paths);
  return checkpointFiles({ name: 'a/b', has: (path) => all.has(path), keys: () => all.keys() }, async () => index);
}

/** NVILA's repositories, with more in them than is needed. */
const parts = [
  'config.json',
  'trainer_state.json',
  'llm/config.json',
  'llm/tokenizer.json',
  'llm/model.safetensors.index.json',
  'llm/model-1.safetensors',
  'llm/model-2.safetensors',
  'vision_tower/config.json',
  'vision_tower/model.safetensors',
  'mm_projector/config.json',
  'mm_projector/model.safetensors',
];

describe('the files of a checkpoint', () => {
  it('are its settings and weights', async () => {
    const files = await filesFor('README.md', 'model.safetensors', 'tokenizer.json', 'config.json');
    expect(files).to.deep.equal(['config.json', 'tokenizer.json', 'model.safetensors']);
  });

  it('lie in folders where its parts do', async () => {
    expect(await filesFor(...parts)).to.have.members(parts.filter((path) => path !== 'trainer_state.json'));
  });

  it('are missed by name in a folder, too', async () => {
    const without = (path: string) => filesFor(...parts.filter((one) => one !== path));
    await expectRejection(without('llm/model-2.safetensors'), HubError, 'llm/model-2.safetensors is missing');
    await expectRejection(
      without('mm_projector/model.safetensors'),
      HubError,
      'it needs mm_projector/model.safetensors',
    );
  });
});
