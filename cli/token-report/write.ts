/** The work of `ff-run --report`: the page, or a picture of it, from what a run leaves behind. */
import { encodeJpegs } from '../../media/encode.ts';
import type { Answered } from '../answers.ts';
import { writeOutput } from '../output.ts';
import type { ReportOfVideo } from '../report.ts';
import type { Shown } from '../show-video.ts';
import { tokenReportHtml } from './html.ts';
import { findBrowser, pictureOf } from './picture.ts';

/** What a run leaves behind. */
export interface Done {
  readonly report: ReportOfVideo;
  readonly answers: readonly Answered[];
  readonly shown: Pick<Shown, 'sampled' | 'encoded'>;
}

/** What is missing for the report should be known before the work. @throws InputError where it will not be drawn. */
export async function checkReport(file: string): Promise<void> {
  if (isPicture(file)) await findBrowser();
}

/** The page. @throws VideoError if the frames cannot be encoded. */
export async function tokenReportPage({ report, answers, shown }: Done): Promise<string> {
  const { images, sampling } = shown.sampled;
  // Of frames that are one picture of tokens together, the first stands for all.
  const { grid } = shown.encoded;
  const each = grid.framesPerGroup;
  const shownImages = images.filter((_, i) => i % each === 0);
  const [whole = shown.sampled] = shown.sampled.pictures; // slices, where there are some, come after it
  const jpegs = await encodeJpegs(
    shownImages.map((image) => image.subarray(0, 3 * whole.width * whole.height)),
    whole,
  );
  const frames = jpegs.map((jpeg, i) => ({ source: jpegAddress(jpeg), seconds: sampling.times[i * each] ?? 0 }));
  return tokenReportHtml({ report, answers, grid, frames });
}

/**
 * Draws the report in the form that the file's name asks for.
 *
 * @throws VideoError if the frames cannot be encoded, InputError if the picture cannot be taken or the file not written.
 */
export async function writeTokenReport(file: string, done: Done): Promise<void> {
  const page = await tokenReportPage(done);
  await writeOutput('--report', file, isPicture(file) ? await pictureOf(page, await findBrowser()) : page);
}

/** A picture as its own address. */
export const jpegAddress = (jpeg: Uint8Array): string =>
  `data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}`;

const isPicture = (file: string): boolean => /\.png$/i.test(file);
