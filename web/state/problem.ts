/** What went wrong, as a sentence, and what a person can do about it. */

/** Ways on that the page offers. */
export type WayOn = 'restart' | 'clip' | 'browsers' | 'models' | 'reload' | 'key';

export interface Problem {
  readonly title: string;
  readonly text: string;
  readonly waysOn: readonly WayOn[];
}

/** @param error - From the engine: its name is that of a class of the library. */
export function problemOf({ name, message }: Error): Problem {
  if (/^no WebGPU/.test(message))
    return { title: 'This browser has no WebGPU', text: message, waysOn: ['browsers', 'restart'] };
  if (name === 'DeviceError') return { title: 'The GPU went away', text: message, waysOn: ['restart'] };
  if (name === 'VideoError') return { title: 'This video cannot be read here', text: message, waysOn: ['clip'] };
  if (name === 'WeightsError' && !navigator.onLine)
    return { title: 'You are offline', text: message, waysOn: ['restart', 'models'] };
  if (name === 'WeightsError' || name === 'AdapterLimitError')
    return { title: 'This model cannot be loaded', text: message, waysOn: ['models', 'restart'] };
  if (name === 'KeyNeeded') return { title: 'This server asks for a key', text: message, waysOn: ['key'] };
  if (name === 'ServerError') return { title: 'The server did not answer', text: message, waysOn: ['restart'] };
  if (name === 'InputError') return { title: 'This cannot be done', text: message, waysOn: ['models'] };
  return { title: 'The page has failed', text: message, waysOn: ['restart', 'reload'] };
}
