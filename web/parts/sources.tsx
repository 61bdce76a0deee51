/** Where a video comes from: a file, the camera, or the example. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { cameraClip, cameraSentence, hasCamera } from '../state/camera.ts';
import type { Page } from '../state/page.ts';

export function Sources({ page }: { readonly page: Page }) {
  const input = useRef<HTMLInputElement>(null);
  const recording = useSignal<number | undefined>(undefined);
  const said = useSignal('');
  const record = async (): Promise<void> => {
    said.value = '';
    try {
      const clip = await cameraClip((left) => {
        recording.value = left;
      });
      await page.open(clip, 'the camera');
    } catch (error) {
      said.value = cameraSentence(error as Error);
    } finally {
      recording.value = undefined;
    }
  };
  return (
    <>
      <div class="sources">
        <button type="button" class="primary" onClick={() => input.current?.click()}>
          Choose a video
        </button>
        {hasCamera() && (
          <button type="button" onClick={() => void record()} disabled={recording.value !== undefined}>
            {recording.value === undefined ? 'Camera, 10 s' : `Recording, ${recording.value} s left`}
          </button>
        )}
        <button type="button" onClick={() => void page.openClip()}>
          Example
        </button>
        <input
          ref={input}
          type="file"
          accept="video/*"
          hidden
          aria-label="Video file"
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            if (file) void page.open(file, file.name);
            currentTarget.value = '';
          }}
        />
      </div>
      <p class="hint">
        or drop a file anywhere here.
        {page.place.value?.where !== 'server' && ' It is read by this tab and sent nowhere.'}
      </p>
      <div role="status">{said.value && <p class="note">{said.value}</p>}</div>
    </>
  );
}
