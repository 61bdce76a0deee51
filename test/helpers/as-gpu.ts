/** The test's adapter under another name, so that kernels take it for a GPU: what only a GPU gets runs here too. */
import { pollWithBackoff } from '../../engine/backoff.ts';
import { type AdapterChoice, type FoundAdapter, findAdapter } from '../../engine/node-adapter.ts';
import { Runtime } from '../../engine/runtime.ts';
import { shared } from './shared.ts';

/** Kept as long as the process: Dawn crashes when it is collected before what was made of it. */
const found: FoundAdapter[] = [];

/** The one runtime of this kind that tests share. */
export const runtimeAsGpu: () => Promise<Runtime> = shared(open, (runtime) => runtime.close());

async function open(): Promise<Runtime> {
  const one = await findAdapter((process.env.FRAMEFUSION_ADAPTER ?? 'auto') as AdapterChoice);
  found.push(one);
  const { adapter } = one;
  const { subgroupMinSize, subgroupMaxSize } = adapter.info;
  const info = { vendor: '', architecture: '', device: 'in disguise', description: '', isFallbackAdapter: false };
  const disguised = {
    features: adapter.features,
    limits: adapter.limits,
    info: { ...info, subgroupMinSize, subgroupMaxSize },
    requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
  };
  const traits = { waiting: pollWithBackoff, compilesAhead: false };
  return Runtime.open(disguised as unknown as GPUAdapter, { traits });
}
