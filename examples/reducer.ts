/** A reducer of your own, complete: every frame keeps half of its tokens, black squares and white ones in turns. */
import {
  folderFiles,
  loadModel,
  openRuntime,
  openVideo,
  type ReductionStep,
  sampleVideo,
  shorten,
  type TokenReducer,
} from 'framefusion-webgpu';
import { survivorsOfPruning } from 'framefusion-webgpu/kernels';

const checkerboard: TokenReducer = {
  name: 'checkerboard',
  start() {
    const steps: ReductionStep[] = []; // for reports; a run's state lives here, so that two runs cannot meet
    return {
      steps,
      beforeAttention(rec, layer, tokens) {
        const { first, length, perFrame, planes, tokens: count, text } = tokens.layout;
        if (layer !== 0 || count === 0) return tokens;
        let token = 0;
        const flags = Uint32Array.from({ length }, (_, row) => {
          if (text.includes(row)) return 1; // words between the frames stay
          const [frame, place] = [Math.floor(token / perFrame), token++ % perFrame];
          return Number((frame + place) % 2 === 0);
        });
        const chosen = rec.upload('checkerboard', [length], 'u32', flags);
        const gone = flags.filter((flag) => flag === 0).length;
        const left = shorten(rec, tokens, survivorsOfPruning(rec, planes, count, chosen, first), gone, false);
        const [rowsIn, rowsOut] = [tokens.hidden.shape[0] ?? 0, left.hidden.shape[0] ?? 0];
        steps.push({ layer: -1, action: 'drop', rowsIn, rowsOut });
        return left;
      },
    };
  },
};

using runtime = await openRuntime();
using dense = await loadModel(folderFiles('assets/tiny-llava-video'), runtime);
await using video = await openVideo('assets/clip.mp4');
using seen = await dense.encode(await sampleVideo(video, { ...dense.frameFormat, maxFrames: 12 }));
const answer = dense.withReducer(checkerboard).answer(seen, 'Which object moves?', { trace: true });
for await (const piece of answer) process.stdout.write(piece);
const [step] = answer.stats.steps;
process.stdout.write(`\n${step?.rowsIn} rows became ${step?.rowsOut}\n`);
