/** The worker's side: everything heavy is here. */
import { expose } from 'comlink';
import { BrowserEngine } from './browser-engine.ts';

expose(new BrowserEngine());
