import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { adapterKind, adapterName, traitsOf } from './adapter.ts';
import { pollWithBackoff } from './backoff.ts';
import { DeviceError } from './errors.ts';
import { makeFolder } from './make-folder.ts';
import { Runtime, type RuntimeOptions } from './runtime.ts';

/**
 * Which adapter to compute on. `auto`: a GPU, else the system's software Vulkan, else the embedded SwiftShader.
 * `gpu`: nothing but a GPU. `software`: the system's software Vulkan, else the embedded one. `embedded`: only that.
 */
export type AdapterChoice = 'auto' | 'gpu' | 'software' | 'embedded';

/** All values of `AdapterChoice`, for argument checks. */
export const adapterChoices: readonly AdapterChoice[] = ['auto', 'gpu', 'software', 'embedded'];

/** How to open a device under Node. */
export interface NodeRuntimeOptions extends RuntimeOptions {
  /** Default `auto`. */
  readonly adapter?: AdapterChoice;
}

/** Objects of Dawn that must stay reachable while anything made from them lives: the process crashes otherwise. */
const alive = new Set<GPU>();

/**
 * Opens a device under Node, through Dawn.
 *
 * @throws DeviceError if no adapter of the wanted kind is there; the message says what would help.
 */
export async function openRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  const choice = options.adapter ?? 'auto';
  const { gpu, adapter } = await findAdapter(choice);
  alive.add(gpu);
  const onClose = (): void => {
    options.onClose?.();
    alive.delete(gpu);
  };
  const waiting = adapterKind(adapter.info) === 'software' && { waiting: pollWithBackoff };
  return Runtime.open(adapter, {
    ...options,
    traits: { ...traitsOf(adapter.info), ...waiting, ...options.traits },
    onClose,
  });
}

const GPU_REMEDY = "Install the GPU's Vulkan driver, or use the software adapter.";

/** Whether Linux has a Vulkan driver to try. Without this look, Dawn complains on standard error where there is none. */
function hasDriver(): boolean {
  if (process.platform !== 'linux') return true;
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env;
  const named = VK_DRIVER_FILES || VK_ICD_FILENAMES;
  if (named) return named.split(':').some((file) => existsSync(file));
  const data = [
    XDG_DATA_HOME || join(homedir(), '.local/share'),
    ...(XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':'),
  ];
  return ['/etc', '/usr/local/etc', ...data].some((folder) => {
    const drivers = join(folder, 'vulkan/icd.d');
    return existsSync(drivers) && readdirSync(drivers).some((file) => file.endsWith('.json'));
  });
}

/** An adapter, and how its like is asked for once more: each gives one device. */
export interface FoundAdapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  readonly options: GPURequestAdapterOptions;
}

/** What a GPU is asked for, and what a driver that stands in for one. */
const FAST: GPURequestAdapterOptions = { powerPreference: 'high-performance' };
const FALLBACK: GPURequestAdapterOptions = { forceFallbackAdapter: true };

/** The caller keeps `gpu` reachable. @throws DeviceError as {@link openRuntime}. */
export async function findAdapter(choice: AdapterChoice): Promise<FoundAdapter> {
  if (choice !== 'embedded' && hasDriver()) {
    const gpu = await createGpu();
    const adapter = await gpu.requestAdapter(FAST);
    const kind = adapter && adapterKind(adapter.info);
    if (adapter && (choice === 'auto' || choice === kind)) return { gpu, adapter, options: FAST };
    if (choice === 'gpu')
      throw new DeviceError(
        `no GPU found${adapter ? ` (only ${adapterName(adapter.info)}, which is software)` : ''}. ${GPU_REMEDY}`,
      );
    if (choice === 'software') {
      const fallback = await gpu.requestAdapter(FALLBACK);
      if (fallback) return { gpu, adapter: fallback, options: FALLBACK };
    }
  }
  if (choice === 'gpu') throw new DeviceError(`no GPU found: no Vulkan driver is installed. ${GPU_REMEDY}`);
  await loadSwiftShader();
  const gpu = await createGpu(SWIFTSHADER_LACKS);
  const adapter = await gpu.requestAdapter(FALLBACK);
  if (!adapter)
    throw new DeviceError(
      'no WebGPU adapter: no GPU driver, no software Vulkan, and the embedded SwiftShader did not load. Install a Vulkan driver (Debian: mesa-vulkan-drivers).',
    );
  return { gpu, adapter, options: FALLBACK };
}

/** Where SwiftShader is to clear workgroup memory itself, it compiles a store for each element: a tenfold time. */
const SWIFTSHADER_LACKS = ['use_vulkan_zero_initialize_workgroup_memory_extension'];

/** @param without - Features of Dawn to leave out. */
async function createGpu(without: readonly string[] = []): Promise<GPU> {
  const { create } = await import('webgpu');
  const enabled = process.env.FRAMEFUSION_DAWN_FEATURES;
  return create([
    `disable-dawn-features=${['timestamp_quantization', ...without].join()}`,
    ...(enabled ? [`enable-dawn-features=${enabled}`] : []),
  ]);
}

/**
 * Makes the SwiftShader that `@sparticuz/chromium` carries the Vulkan driver of this process: no root, no Vulkan
 * package, nothing downloaded. Unpacked once per user into the cache folder (0.14 s).
 */
async function loadSwiftShader(): Promise<void> {
  const folder = await unpackSwiftShader();
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES = join(folder, 'vk_swiftshader_icd.json');
  try {
    // RTLD_NODELETE: Node closes what is not an addon, and Dawn must find the Vulkan loader afterwards.
    process.dlopen({ exports: {} }, join(folder, 'libvulkan.so.1'), constants.dlopen.RTLD_NOW | 0x1000);
  } catch {
    // "Module did not self-register" is expected: it is a library, not an addon, and it stays loaded.
  }
}

async function unpackSwiftShader(): Promise<string> {
  const require = createRequire(import.meta.url);
  let archive: string;
  let version: string;
  try {
    const root = dirname(dirname(dirname(require.resolve('@sparticuz/chromium'))));
    archive = join(root, 'bin', 'swiftshader.tar.br');
    version = (require(join(root, 'package.json')) as { version: string }).version;
  } catch (cause) {
    throw new DeviceError(
      'no WebGPU adapter: no GPU driver and no software Vulkan here, and the optional package @sparticuz/chromium, which carries one, is not installed. Run npm install @sparticuz/chromium, or install a Vulkan driver.',
      { cause },
    );
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'framefusion-webgpu');
  const folder = join(cache, `swiftshader-${version}`);
  if (existsSync(join(folder, 'vk_swiftshader_icd.json'))) return folder;
  const { extract } = await import('tar-fs');
  let aside = '';
  try {
    await makeFolder(cache);
    // Unpacked aside and renamed when whole: a second process never sees half of it.
    aside = await mkdtemp(`${folder}-`);
    await pipeline(createReadStream(archive), createBrotliDecompress(), extract(aside));
    await rename(aside, folder).catch(async (error) => {
      if (!existsSync(join(folder, 'vk_swiftshader_icd.json'))) throw error;
      await rm(aside, { recursive: true, force: true });
    });
  } catch (cause) {
    if (aside) await rm(aside, { recursive: true, force: true });
    throw new DeviceError(
      `${folder}: could not unpack the software adapter: ${String(cause)} Set XDG_CACHE_HOME to a folder that can be written.`,
      { cause },
    );
  }
  return folder;
}
