/** The worker's side: everything heavy is here. */
import { BrowserEngine } from './browser-engine.ts';
import { exposeEngine } from './wires.ts';

exposeEngine(new BrowserEngine());
