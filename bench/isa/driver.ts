/** The driver that compiles for GPUs which are not there (driver.c), built where it is used. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../engine/errors.ts';

const SOURCE = fileURLToPath(new URL('driver.c', import.meta.url));

/** Where distributions put radv, which driver.c loads by its name. */
const RADV = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].map((folder) =>
  join(folder, 'libvulkan_radeon.so'),
);

/**
 * Builds the driver into a folder.
 *
 * @returns The file for `VK_DRIVER_FILES`.
 * @throws InputError that says what of a compiler for GPUs is missing here.
 */
export function buildDriver(folder: string): string {
  const remedy = 'On Debian: apt-get install gcc libvulkan-dev mesa-vulkan-drivers (25 or later, from backports).';
  if (process.platform !== 'linux')
    throw new InputError('bench:isa: needs Linux, where Mesa has its driver for AMD GPUs.');
  if (!RADV.some((file) => existsSync(file)))
    throw new InputError(
      `bench:isa: no compiler for GPUs here: Mesa's radv (libvulkan_radeon.so) is not installed. ${remedy}`,
    );
  mkdirSync(folder, { recursive: true });
  const library = resolve(folder, 'libff_isa.so');
  try {
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-fvisibility=hidden', '-o', library, SOURCE, '-ldl'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (cause) {
    const stderr = String((cause as { stderr?: Buffer }).stderr ?? '').split('\n')[0];
    throw new InputError(`bench:isa: the driver cannot be built: ${stderr || (cause as Error).message}. ${remedy}`, {
      cause,
    });
  }
  const manifest = resolve(folder, 'icd.json');
  const ICD = { library_path: library, api_version: '1.4.305' };
  writeFileSync(manifest, JSON.stringify({ file_format_version: '1.0.0', ICD }));
  return manifest;
}
