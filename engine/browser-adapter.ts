/** A browser's own WebGPU. `node-adapter.ts` has the same function for Node. */
import { traitsOf } from './adapter.ts';
import { DeviceError } from './errors.ts';
import { Runtime, type RuntimeOptions } from './runtime.ts';

/**
 * Opens a device on the adapter that the browser prefers.
 *
 * @throws DeviceError if the browser has no WebGPU or no adapter; the message says what would help.
 */
export async function openRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: GPU } };
  if (!navigator?.gpu)
    throw new DeviceError(
      'no WebGPU here. Use a browser that has it (https://caniuse.com/webgpu), and a page from https or localhost.',
    );
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new DeviceError('no WebGPU adapter. Switch hardware acceleration on, or see what chrome://gpu says.');
  return Runtime.open(adapter, { ...options, traits: { ...traitsOf(adapter.info), ...options.traits } });
}
