/** Which GPU of several: WebGPU has no say in it, so the driver's loader is told before Dawn asks it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceError } from './errors.ts';

/** AMD, NVIDIA, Intel: what else is a display controller, such as a server's own, has no Vulkan. */
const VENDORS = ['0x1002', '0x10de', '0x8086'];

const LAYER = 'vulkan/implicit_layer.d/VkLayer_MESA_device_select.json';

/**
 * Makes Vulkan show this process one GPU only, by Mesa's device select layer, which works with every maker's driver. To
 * be called before any adapter is opened.
 *
 * @param index - From 0 on, among the machine's GPUs by their addresses on the bus.
 * @param root - Where the file system begins.
 * @throws DeviceError if there are fewer, or no way to choose.
 */
export function chooseGpu(index: number, root = '/'): void {
  const gpus = process.platform === 'linux' ? gpuAddresses(join(root, 'sys/bus/pci/devices')) : [];
  const address = gpus[index];
  if (address === undefined)
    throw new DeviceError(
      `--adapter-index ${index}: ${gpus.length === 0 ? 'no GPU is found on this machine' : `there are ${gpus.length} GPUs, counted from 0`}.`,
    );
  if (gpus.length === 1) return;
  if (!['usr/share', 'usr/local/share', 'etc'].some((folder) => existsSync(join(root, folder, LAYER))))
    throw new DeviceError(
      `--adapter-index ${index}: choosing one of ${gpus.length} GPUs needs Mesa's device select layer. Install it (Debian: mesa-vulkan-drivers), or let each worker see one GPU: docker run --gpus device=${index}, or srun --gpus-per-task=1.`,
    );
  process.env.DRI_PRIME = `pci-${address.replace(/[:.]/g, '_')}`;
  process.env.MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE = '1';
}

/** Addresses on the bus, such as `0000:65:00.0`, of GPUs that have a driver, in order. */
function gpuAddresses(devices: string): string[] {
  const text = (address: string, file: string): string => readFileSync(join(devices, address, file), 'utf8').trim();
  return (existsSync(devices) ? readdirSync(devices) : [])
    .filter((address) => existsSync(join(devices, address, 'driver')))
    .filter((address) => text(address, 'class').startsWith('0x03') && VENDORS.includes(text(address, 'vendor')))
    .sort();
}
