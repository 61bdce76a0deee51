/** `--reducer ./mine.ts` and `--family ./mine.ts`: a user's own modules, in TypeScript or JavaScript. */
import { resolve } from 'node:path';
import { InputError } from '../engine/errors.ts';
import { type ReducerOptions, reducerNamed } from '../framefusion/reducers.ts';
import type { ModelDefaults } from '../models/defaults.ts';
import type { Family } from '../models/family.ts';
import type { TokenReducer } from '../models/reduction.ts';
import { families } from '../models/registry.ts';
import { isModulePath } from './values.ts';

/** Makes a reducer from the options of a command line; undefined for the dense model. */
export type ReducerMaker = (
  options: { readonly [K in keyof ReducerOptions]?: ReducerOptions[K] | undefined },
  defaults: ModelDefaults,
) => TokenReducer | undefined;

/**
 * What `--reducer` names: one of the project's, or a module whose default export is a reducer or a function that makes one
 * of the command line's options.
 *
 * @throws InputError if the module cannot be loaded, or has no such export.
 */
export async function reducerMaker(name: string): Promise<ReducerMaker> {
  if (!isModulePath(name)) return (options, defaults) => reducerNamed(name, options, defaults);
  const own = await defaultExport('--reducer', name);
  return (options) => {
    const reducer: unknown = typeof own === 'function' ? own(options) : own;
    if (typeof (reducer as TokenReducer | undefined)?.start === 'function') return reducer as TokenReducer;
    throw new InputError(
      `--reducer ${name}: its default export must be a reducer, or a function that returns one: { name, start }.`,
    );
  };
}

/**
 * The families to choose from, with the one that `--family` names before the project's own.
 *
 * @throws InputError as {@link reducerMaker}.
 */
export async function familiesWith(file: string | undefined): Promise<readonly Family[]> {
  if (file === undefined) return families;
  const own = (await defaultExport('--family', file)) as Family | undefined;
  if (!Array.isArray(own?.architectures) || typeof own.spec !== 'function')
    throw new InputError(`--family ${file}: its default export must be a family: { architectures, spec }.`);
  return [own, ...families];
}

/** A module shares the library with the command: a `Tensor` of one is a `Tensor` of the other. */
async function defaultExport(flag: string, file: string): Promise<unknown> {
  const virtualModules = {
    'framefusion-webgpu': await import('../index.ts'),
    'framefusion-webgpu/engine': await import('../engine/index.ts'),
    'framefusion-webgpu/checkpoint': await import('../checkpoint/index.ts'),
    'framefusion-webgpu/kernels': await import('../kernels/index.ts'),
    'framefusion-webgpu/models': await import('../models/index.ts'),
  };
  const { createJiti } = await import('jiti'); // large, and only for who brings a module
  const jiti = createJiti(import.meta.url, { virtualModules, fsCache: false });
  try {
    return await jiti.import(resolve(file), { default: true });
  } catch (cause) {
    const [why] = (cause as Error).message.split('\n');
    throw new InputError(`${flag} ${file}: it cannot be loaded: ${why}.`, { cause });
  }
}
