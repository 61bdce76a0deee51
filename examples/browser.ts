/** In a page, put together by any bundler: a video from an <input>, a model from an address. */
import { applyFrameFusion, loadModel, openRuntime, openVideo, sampleVideo, urlFiles } from 'framefusion-webgpu';

/** Answers a question about a video, piece by piece. */
export async function* ask(file: Blob, model: string, question: string): AsyncGenerator<string> {
  const runtime = await openRuntime();
  const dense = await loadModel(urlFiles(model), runtime);
  const fused = applyFrameFusion(dense, { cost: 0.3 });
  const video = await openVideo(file);
  const seen = await fused.encode(await sampleVideo(video, { ...fused.frameFormat, maxFrames: 12 }));
  await video.close();
  yield* fused.answer(seen, question);
  runtime.close();
}
