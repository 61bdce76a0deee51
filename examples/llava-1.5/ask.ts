/** Asks a model of the new family, dense and reduced: give the folder of a checkpoint, as of llava-hf/llava-1.5-7b-hf. */
import { applyFrameFusion, families, loadModel, openVideo, sampleVideo, samplingOf } from 'framefusion-webgpu';
import { llava15 } from './family.ts';

const [folder = 'llava-1.5-7b-hf', file = 'assets/clip.mp4'] = process.argv.slice(2);
using dense = await loadModel(folder, { reducer: 'none', families: [llava15, ...families] });
await using video = await openVideo(file);
using encoded = await dense.encode(await sampleVideo(video, samplingOf(dense, { frames: 6 })));
for (const model of [dense, applyFrameFusion(dense, { cost: 0.3 })]) {
  const answer = model.answer(encoded, 'What happens in this video?', { maxNewTokens: 32 });
  for await (const piece of answer) process.stdout.write(piece);
  const { promptRows, layers } = answer.stats;
  process.stdout.write(`\n${promptRows} rows, ${layers.at(-1)?.leaving} of them to the last layer\n`);
}
