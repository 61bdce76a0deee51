/** The video: where it comes from, what it is, and its tokens over its frames. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { ShownVideo } from '../engine/engine.ts';
import { wantsStill } from '../state/motion.ts';
import type { Page } from '../state/page.ts';
import { Sources } from './sources.tsx';
import { TokenViewer } from './token-viewer.tsx';

export function Stage({ page }: { readonly page: Page }) {
  const over = useDrop((file) => void page.open(file, file.name));
  const traced = page.video.value?.traced;
  return (
    <section class={`stage ${over ? 'over' : ''}`} aria-label="The video">
      <div class="shown">
        <Film page={page} />
        <div>
          <Sources page={page} />
          <Facts page={page} />
        </div>
      </div>
      {traced && <TokenViewer page={page} traced={traced} />}
      {!page.video.value && <Waiting page={page} />}
    </section>
  );
}

/** Takes a file that is dropped anywhere: beside its target, a browser would leave the page for it. @returns whether one is held over it. */
function useDrop(take: (file: File) => void): boolean {
  const over = useSignal(false);
  useEffect(() => {
    const ended = new AbortController();
    const on = (name: 'dragover' | 'dragleave' | 'drop', act: (event: DragEvent) => void): void =>
      window.addEventListener(name, act, { signal: ended.signal });
    on('dragover', (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return; // text may be dragged into the question
      event.preventDefault();
      over.value = true;
    });
    on('dragleave', ({ relatedTarget }) => {
      if (relatedTarget === null) over.value = false; // it has left the window
    });
    on('drop', (event) => {
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      event.preventDefault();
      over.value = false;
      take(file);
    });
    return () => ended.abort();
  }, []);
  return over.value;
}

/** The video as people see it. */
function Film({ page }: { readonly page: Page }) {
  const { from, name } = page.source.value;
  const source = useMemo(() => (typeof from === 'string' ? from : URL.createObjectURL(from)), [from]);
  useEffect(() => () => URL.revokeObjectURL(source), [source]);
  return <video class="film" src={source} controls muted loop playsInline autoPlay={!wantsStill()} aria-label={name} />;
}

function Facts({ page }: { readonly page: Page }) {
  const video = page.video.value;
  if (!video) return <p class="facts">{page.source.value.name}</p>;
  return (
    <>
      <p
        class="facts"
        data-decoder={video.file?.decoder}
        data-frames={video.file?.frames}
        data-sampled={video.file?.sampled.length}
      >
        {factsOf(video)}
      </p>
      {video.notes.map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}

function factsOf({ name, file, traced }: ShownVideo): string {
  if (!file || !traced) return name;
  const { durationSeconds, width, height, frames, sampled } = file;
  const { tokens } = traced;
  const seen = `the model looks at ${sampled.length} of its ${frames} frames`;
  return `${name}: ${durationSeconds.toFixed(1)} s, ${width} x ${height}; ${seen}, as ${tokens.gone.length} tokens.`;
}

const STAGES = {
  download: 'Downloading',
  load: 'Loading the model',
  decode: 'Decoding frames',
  encode: 'Looking at frames',
};

function Waiting({ page }: { readonly page: Page }) {
  const progress = page.progress.value;
  if (page.problem.value || page.missing.value) return null;
  const share = progress && progress.of > 0 ? progress.done / progress.of : undefined;
  return (
    <div class="waiting">
      <span>{progress ? STAGES[progress.stage] : 'Starting'} …</span>
      <progress {...(share !== undefined && { value: share })} aria-label="Progress" />
    </div>
  );
}
