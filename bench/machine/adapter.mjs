// What the adapter of a machine is and has, before anything is timed: a log that ends early still says this.
import { create } from 'webgpu';

const enabled = process.env.FRAMEFUSION_DAWN_FEATURES;
const gpu = create(enabled ? [`enable-dawn-features=${enabled}`] : []);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (!adapter) {
  console.log('no WebGPU adapter');
  process.exit(1);
}
const { info, limits, features } = adapter;
console.log(`adapter: ${[info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' | ')}`);
console.log(`features: ${[...features].sort().join(' ')}`);
console.log(`subgroups: ${info.subgroupMinSize} to ${info.subgroupMaxSize}`);
const shapes = [...(info.subgroupMatrixConfigs ?? [])].map(
  ({ componentType, resultComponentType, M, N, K }) => `${componentType} -> ${resultComponentType} ${M}x${N}x${K}`,
);
console.log(`matrices: ${shapes.join(', ') || 'none'}`);
for (const name of [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
])
  console.log(`${name}: ${limits[name]}`);
process.exit(0);
