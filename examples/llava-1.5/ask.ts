/** Asks a model of the new family, dense and reduced: give the folder of a checkpoint, as of llava-hf/llava-1.5-7b-hf. */
import {
  applyFrameFusion,
  families,
  folderFiles,
  loadModel,
  openRuntime,
  openVideo,
  sampleVideo,
} from 'framefusion-webgpu';
import { llava15 } from './family.ts';

const [folder = 'llava-1.5-7b-hf', file = 'assets/clip.mp4'] = process.argv.slice(2);
using runtime = await openRuntime();
using dense = await loadModel(folderFiles(folder), runtime, { families: [llava15, ...families] });
await using video = await openVideo(file);
using seen = await dense.encode(await sampleVideo(video, { ...dense.frameFormat, maxFrames: 6 }));
for (const model of [dense, applyFrameFusion(dense, { cost: 0.3 })]) {
  const answer = model.answer(seen, 'What happens in this video?', { maxNewTokens: 32 });
  for await (const piece of answer) process.stdout.write(piece);
  const { promptRows, layers } = answer.stats;
  process.stdout.write(`\n${promptRows} rows, ${layers.at(-1)?.leaving} of them to the last layer\n`);
}
