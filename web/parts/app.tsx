import { playerCss } from '../../viewer/markup.ts';
import type { Page } from '../state/page.ts';
import { Conversation } from './conversation.tsx';
import { Header } from './header.tsx';
import { ProblemNotice } from './problem.tsx';
import { Stage } from './stage.tsx';

export function App({ page }: { readonly page: Page }) {
  const remote = page.place.value?.where === 'server';
  return (
    <>
      <style>{playerCss}</style>
      <a class="skip" href="#question">
        Skip to the question
      </a>
      <Header page={page} />
      <main>
        <div class="lead">
          <h1>Ask a video. Watch its tokens merge.</h1>
          <p>
            A vision-language model runs <b>{remote ? 'on a server' : 'in this tab'}</b>. It cuts every frame into
            patches, merges those that repeat, and drops those that do not matter.{' '}
            {!remote && <b>Your video never leaves this machine.</b>}
          </p>
        </div>
        <ProblemNotice page={page} />
        <div class="columns">
          <Stage page={page} />
          <Conversation page={page} />
        </div>
      </main>
      <footer>
        <p>
          <a href="https://github.com/framefusion-webgpu/framefusion-webgpu">FrameFusion on WebGPU</a>, Apache-2.0. The
          method: <a href="https://arxiv.org/abs/2501.01986">FrameFusion, ICCV 2025</a>.
        </p>
      </footer>
    </>
  );
}
