/** Reports of `ff-run --report` and `ff-serve`, read again: their frames, and what became of the tokens. */
import type { Played } from '../../viewer/played.ts';
import type { Traced } from './engine.ts';

/** @throws Error if it is no report. */
export async function readReport(address: string, headers: Readonly<Record<string, string>>): Promise<Traced> {
  const response = await fetch(address, { headers });
  const report = new DOMParser().parseFromString(await response.text(), 'text/html');
  const data = report.getElementById('data')?.textContent;
  if (!response.ok || !data) throw new Error(`${address}: no report of where tokens went.`);
  const pictures = [...report.querySelectorAll<HTMLImageElement>('.view img')].map((image) => ({
    source: image.getAttribute('src') ?? '',
    seconds: Number(/([\d.]+) s$/.exec(image.alt)?.[1] ?? 0),
  }));
  const player = report.querySelector<HTMLElement>('.player')?.style;
  const [shape, columns, pictured] = ['shape', 'columns', 'pictured'].map((name) =>
    Number(player?.getPropertyValue(`--${name}`)),
  );
  // The shape is that of the picture with the newline tokens beside it.
  return { tokens: JSON.parse(data) as Played, pictures, width: (shape! * pictured!) / columns!, height: 1 };
}
