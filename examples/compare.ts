/** Applies FrameFusion and other reducers to one loaded model, and compares what they answer and what it takes. */
import { fastV, loadModel, openVideo, reducerNamed, sampleVideo, samplingOf } from 'framefusion-webgpu';

using dense = await loadModel('tiny-llava-video', { reducer: 'none' });
await using video = await openVideo('assets/clip.mp4');
using encoded = await dense.encode(await sampleVideo(video, samplingOf(dense)));

// The same weights and the same video; a model with a reducer is another model, and the dense one stays as it is.
const models = {
  dense,
  'framefusion 0.3': dense.withReducer(reducerNamed('framefusion', { cost: 0.3 }, dense.defaults)),
  'fastv 0.3': dense.withReducer(fastV({ cost: 0.3 })),
};
for (const [name, model] of Object.entries(models)) {
  const answer = model.answer(encoded, 'Which object moves?');
  let text = '';
  for await (const piece of answer) text += piece;
  const { layers, videoTokens, promptRows, cacheBytes, prefillSeconds } = answer.stats;
  const words = promptRows - videoTokens;
  const left = layers.reduce((sum, { attending }) => sum + attending - words, 0) / layers.length / videoTokens;
  console.log(`${name}: ${text}`);
  console.log(`  ${(100 * left).toFixed(1)} % of the video tokens, ${(cacheBytes / 1e3).toFixed(0)} kB of cache`);
  console.error(`  prefill ${prefillSeconds.toFixed(2)} s`);
}
