// onnxruntime for Node: its WebGPU provider has a Dawn of its own, compiled in.
import { preparing } from './ort.mjs';

export const packageName = 'onnxruntime-node';

export async function open() {
  const { default: ort } = await import('onnxruntime-node');
  // Where it has no kernel for the GPU it shall say so, and not compute on the processor.
  const extra = { session: { disable_cpu_ep_fallback: '1' } };
  const options = { executionProviders: ['webgpu'], logSeverityLevel: 3, extra };
  return { prepare: preparing(ort, options) };
}
