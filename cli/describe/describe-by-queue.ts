/** Describes videos by the workers of a queue. */
import type { Log } from '../log.ts';
import { realFile } from '../output.ts';
import { Collector } from '../queue/collect.ts';
import { hashOf, type Outcome, type Terms } from '../queue/job.ts';
import { wantedModel } from '../queue/wanted-model.ts';
import type { DescribeArguments } from './arguments.ts';
import type { Describing } from './describe-here.ts';
import type { Described, Undescribed } from './line.ts';

/** @returns The videos that could not be described. @throws InputError if the queue cannot be reached. */
export async function describeByQueue(
  args: DescribeArguments & { readonly version: string },
  { choice, asking, settings, descriptions, videos }: Describing,
  log: Log,
): Promise<Undescribed[]> {
  const failed: Undescribed[] = [];
  const sink = {
    done: async ({ result }: Outcome<Described>) => {
      descriptions.requireDtype(result.dtype);
      if (!descriptions.has(result)) await descriptions.add(result);
    },
    failed: async ({ video, content }: { video: string; content: string | null }, reason: string) => {
      log.warn(reason);
      const line = { video, content, error: reason };
      failed.push(line);
      await descriptions.add(line);
    },
    sync: () => descriptions.sync(),
  };
  const id = hashOf(['describe', await realFile('--out', args.out), settings]);
  await using collector = await Collector.open({ id, tries: args.tries, address: args.queue! }, sink, log);
  await collector.drain();
  const { reducer, cost, keep, tokens, parity, renumber, similarity, ratio, seed } = asking;
  const { frames, fps, skipStill, piece, maxNewTokens, prompt } = asking;
  const terms: Terms = {
    version: args.version,
    kind: 'describe',
    model: await wantedModel(choice, args.dtype),
    settings: {
      asking: {
        ...{ reducer, cost, keep, tokens, parity, renumber, similarity, ratio, seed },
        ...{ frames, fps, skipStill, piece, maxNewTokens, prompt },
      },
      settings,
    },
  };
  await collector.collect(
    terms,
    videos.filter((video) => !descriptions.has(video)),
    descriptions.dtype,
  );
  return failed;
}
