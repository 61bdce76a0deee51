/** Asks about a video with FrameFusion: `npx tsx --import ./tools/wgsl-register.mjs examples/ask.ts`. */
import { applyFrameFusion, folderFiles, loadModel, openRuntime, openVideo, sampleVideo } from '../index.ts';

using runtime = await openRuntime();
using dense = await loadModel(folderFiles('assets/tiny-llava-video'), runtime);
const model = applyFrameFusion(dense, { cost: 0.3, similarityLowerBound: 0.6, ratioLowerBound: 0.1 });
await using video = await openVideo('assets/clip.mp4');
const frames = await sampleVideo(video, { ...model.frameFormat, maxFrames: 12, forceSample: true });
using seen = await model.encode(frames);
for await (const piece of model.answer(seen, 'Which object moves?')) process.stdout.write(piece);
process.stdout.write('\n');
