/** A clip from the camera. */

const SECONDS = 10;

/** Whether a page can ask for one: not from plain http. */
export function hasCamera(): boolean {
  return typeof MediaRecorder === 'function' && navigator.mediaDevices !== undefined;
}

/** What came of asking for the camera, in a sentence. @param error - Of {@link cameraClip}. */
export function cameraSentence({ name, message }: Error): string {
  if (name === 'NotAllowedError')
    return 'The camera is not allowed to this page. Allow it beside the address, or choose a file.';
  if (name === 'NotFoundError') return 'There is no camera here. Choose a file.';
  return `The camera gave nothing (${message}). Choose a file.`;
}

/**
 * Ten seconds, if the person allows it.
 *
 * @param left - Told every second how many are left.
 * @throws What the browser throws where there is no camera, or it may not be used.
 */
export async function cameraClip(left: (seconds: number) => void): Promise<Blob> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } }, audio: false });
  try {
    const recorder = new MediaRecorder(stream);
    const parts: Blob[] = [];
    recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
    const ended = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
    recorder.start();
    for (let seconds = SECONDS; seconds > 0; seconds--) {
      left(seconds);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    recorder.stop();
    await ended;
    return new Blob(parts, { type: recorder.mimeType });
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
