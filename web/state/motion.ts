/** Whether who looks wants nothing to move by itself, as things are now. */
export const wantsStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;
