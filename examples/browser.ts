/** In a page, put together by any bundler: a video from an <input>, a model by its name or address. */
import { loadModel } from 'framefusion-webgpu';

/** Answers a question about a video, piece by piece. */
export async function* ask(file: Blob, source: string, question: string): AsyncGenerator<string> {
  const model = await loadModel(source, { cost: 0.3 });
  try {
    yield* model.ask(file, question);
  } finally {
    model[Symbol.dispose]();
  }
}
