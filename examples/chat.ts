/** Asks several questions about one video: it is encoded once, and each answer goes on from the one before. */
import { loadModel, openVideo, sampleVideo, samplingOf } from 'framefusion-webgpu';

using model = await loadModel('tiny-llava-video', { reducer: 'none' });
await using video = await openVideo('assets/clip.mp4');
using encoded = await model.encode(await sampleVideo(video, samplingOf(model)));
using session = model.session(encoded);
for (const question of ['Which object moves?', 'Which object flashes?']) {
  const answer = session.ask(question);
  for await (const piece of answer) process.stdout.write(piece);
  console.log(`  (${answer.stats.promptRows - answer.stats.reusedRows} new rows of ${answer.stats.promptRows})`);
}
