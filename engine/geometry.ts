/** Sizes of images, and the parts of them that a model is shown. */

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The kernels that images are resized with. */
export type Filter = 'bicubic' | 'lanczos';

/** A part of an image that was resized as a whole: what a model is shown of it. */
export interface Crop extends Size {
  /** What the image is resized to. */
  readonly resized: Size;
  /** Sizes that it is resized to before, one after the other, where a model's own processor does so. */
  readonly via?: readonly Size[];
  /** Default `bicubic`. */
  readonly filter?: Filter;
  /** Where the part lies in it. */
  readonly left: number;
  readonly top: number;
}

/** The crops of a frame or picture of some size, in the order in which a model takes them. */
export type CropsOf = (image: Size) => readonly Crop[];

/** A picture in the crops that a model wants: what `cropPicture` makes for its `pictureFormat`. */
export interface CroppedPicture {
  /** All of them, one after the other: each `[height, width, 3]`, RGB in 8 bit. */
  readonly image: Uint8Array;
  readonly crops: readonly Crop[];
}
