/** Dawn without a driver: says whether WGSL compiles, also with what no adapter here has. */
import { create } from 'webgpu';

/** Kept as long as the process: Dawn crashes when it is collected before what was made of it. */
const nullGpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

/** What the compiler says of kernels for tensor cores: nothing, if they compile. */
export async function matrixCompilerMessages(codes: readonly string[]): Promise<string[]> {
  const adapter = await nullGpu.requestAdapter();
  const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
  const device = await adapter!.requestDevice({ requiredFeatures });
  const all: string[] = [];
  for (const code of codes) {
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    all.push(...messages.map(({ message }) => message));
  }
  device.destroy();
  return all;
}
