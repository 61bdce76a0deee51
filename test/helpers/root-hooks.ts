import { closeShared } from './shared.ts';

/** Mocha's root hooks: after all files where one process runs them, after each where several do (`--parallel`). */
export const mochaHooks = { afterAll: closeShared };
