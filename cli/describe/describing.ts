import type { AvailableModel } from '../fetch-model.ts';
import type { Asking } from './describe-video.ts';
import type { Descriptions } from './descriptions.ts';
import type { DescribeSettings } from './line.ts';
import type { NamedVideo } from './videos.ts';

/** What is to be done: who is asked, how, about which videos, and where it goes. */
export interface Describing {
  readonly choice: AvailableModel;
  readonly asking: Asking;
  readonly settings: Omit<DescribeSettings, 'dtype'>;
  readonly descriptions: Descriptions;
  readonly videos: readonly NamedVideo[];
}
