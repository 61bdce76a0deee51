/** A reducer of your own, complete: every frame keeps half of its tokens, black squares and white ones in turns. */
import { keep, loadModel, type TokenReducer } from 'framefusion-webgpu';

const checkerboard: TokenReducer = {
  name: 'checkerboard',
  start: () => (point) => {
    if (point.at !== 'input') return undefined; // once, before the first layer
    const { length, text, perFrame } = point.tokens.layout;
    const words = new Set(text); // between the frames: they stay
    let token = 0;
    return keep(
      Array.from({ length }, (_, place) => place).filter((place) => {
        if (words.has(place)) return true;
        const [frame, patch] = [Math.floor(token / perFrame), token++ % perFrame];
        return (frame + patch) % 2 === 0;
      }),
    );
  },
};

using model = await loadModel('tiny-llava-video', { reducer: checkerboard });
const answer = model.ask('assets/clip.mp4', 'Which object moves?', { trace: true });
for await (const piece of answer) process.stdout.write(piece);
const step = answer.stats.trace?.steps[0];
console.log(`\n${step?.dropped.length} tokens dropped, ${step?.kept.length} rows left`);
