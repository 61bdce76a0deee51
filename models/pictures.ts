/** How frames become the pictures that a model is shown. */

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A part of a frame that was resized as a whole. */
export interface Picture extends Size {
  /** What the frame is resized to. */
  readonly resized: Size;
  /** Where the part lies in it. */
  readonly left: number;
  readonly top: number;
}

/** The pictures of a frame of some size, in the order in which a model takes them. */
export type PicturesOf = (frame: Size) => readonly Picture[];

/** All of a frame, its aspect ratio not kept. */
export function stretched(to: Size): Picture {
  return { ...to, resized: to, left: 0, top: 0 };
}

/** The square in the middle of a frame whose shorter side becomes `side`: Hugging Face's CLIP image processor. */
export function centred(side: number): PicturesOf {
  return (frame) => {
    const shorter = Math.min(frame.width, frame.height);
    const width = Math.trunc((side * frame.width) / shorter);
    const height = Math.trunc((side * frame.height) / shorter);
    const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
    return [{ width: side, height: side, resized: { width, height }, left, top }];
  };
}
