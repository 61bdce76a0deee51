/** Asks about a video, with FrameFusion. */
import { loadModel } from 'framefusion-webgpu';

using model = await loadModel('tiny-llava-video', { cost: 0.3 });
for await (const piece of model.ask('assets/clip.mp4', 'Which object moves?')) process.stdout.write(piece);
process.stdout.write('\n');
