// onnxruntime for Node: its WebGPU provider has a Dawn of its own, compiled in.
import { preparing } from './ort.mjs';

export const packageName = 'onnxruntime-node';

export async function open() {
  const { default: ort } = await import('onnxruntime-node');
  const options = { executionProviders: ['webgpu'], logSeverityLevel: 3 };
  return { prepare: preparing(ort, options) };
}
