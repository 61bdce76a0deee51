/** The work of `ff-serve`: a model is loaded, and answers until a signal comes. */
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { findChoice } from '../cli/fetch-model.ts';
import { Log } from '../cli/log.ts';
import { describeError } from '../cli/main.ts';
import { openModel } from '../cli/open-model.ts';
import { familiesWith, reducerMaker } from '../cli/own-module.ts';
import { standardOutput } from '../cli/standard-output.ts';
import { handleSignals } from '../cli/supervisor.ts';
import { InputError } from '../engine/errors.ts';
import { reducerNamed } from '../framefusion/reducers.ts';
import { chooseModel } from '../library/catalogue.ts';
import { askedOf } from '../library/embedded-model.ts';
import { makeApp } from './app.ts';
import type { ServeArguments } from './arguments.ts';
import { httpServer } from './http-server.ts';
import { openOffice } from './office.ts';
import { publicFetch } from './public-fetch.ts';
import { type LogLine, logText, type Records } from './request-log.ts';
import type { Loaded } from './served-model.ts';
import type { Settings } from './settings.ts';

/** Seconds that running answers have after a signal. */
export const DRAIN_SECONDS = 30;

/** @throws One of the project's errors, whose message is the line to print. */
export async function serve(args: ServeArguments, version: string): Promise<void> {
  const mediaRoots = args.mediaRoots.map(resolvedRoot); // before anything is fetched
  const log = new Log('ff-serve', { quiet: false });
  const families = args.family === undefined ? {} : { families: await familiesWith(args.family) };
  const choice = await findChoice({ ...chooseModel(args.model), ...families }, log);
  const makeReducer = await reducerMaker(args.reducer);
  const defaults = defaultsOf(args);
  const reducer = ({ cost, keep, tokens, reducer: name = args.reducer, similarity, ratio }: Settings) => {
    if (cost === 1 && keep === undefined && tokens === undefined) return undefined;
    const options = { cost, keep, tokens, similarityLowerBound: similarity, ratioLowerBound: ratio };
    // A request names reducers; only the command line brings modules.
    return name === args.reducer ? makeReducer(options, choice) : reducerNamed(name, options, choice);
  };
  const load = async (): Promise<Loaded> => {
    const wanted = {
      ...{ dtype: args.dtype, memory: args.memory, frames: args.frames ?? choice.frames, cost: args.cost },
      reducer: (cost: number) => reducer({ ...defaults, cost }),
      question: 'What happens in this video?',
      maxNewTokens: 256,
    };
    const opened = await openModel(args, choice, log, wanted);
    return { model: opened.model, close: () => opened[Symbol.dispose]() };
  };
  const note = (text: string): void => log.note(`ff-serve: ${text}`);
  const { maxBody: maxBytes, mediaTimeout: timeoutSeconds, maxVideoSeconds } = args;
  using office = await openOffice({
    ...{ load, reducer, note, queue: args.queue, parallel: args.parallel, threads: args.threads },
    ...{ cacheBytes: args.cache, version },
    wording: (question) => askedOf(choice.name, question).question,
    limits: {
      mediaRoots,
      fetch: args.allowRemote ? publicFetch() : undefined,
      ...{ maxBytes, timeoutSeconds, maxVideoSeconds },
    },
  });
  log.clear();
  const ending = new AbortController();
  const app = makeApp({
    office,
    ...{ defaults, version, apiKey: args.apiKey, cors: args.cors, maxBodyBytes: maxBytes, ending: ending.signal },
    names: [...new Set([choice.name, choice.name.slice(choice.name.lastIndexOf('/') + 1), ...args.aliases])],
    records: recordsOf(args.log, log),
    pages: fileURLToPath(new URL('web', import.meta.url)),
  });
  const server = httpServer(app);
  await listen(server, args, note);
  await signalled(ending);
  note('ending: no new work is taken.');
  await drained(server);
}

/** What the command line sets for requests that say nothing. */
function defaultsOf({ frames, fps, similarity, ratio, cost, reducer }: ServeArguments): Settings {
  const given = { frames, fps, similarity, ratio, cost, reducer };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Settings;
}

/** @throws InputError if there is no such folder. */
function resolvedRoot(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (cause) {
    throw new InputError(`--media-root ${folder}: there is no such folder.`, { cause });
  }
}

function recordsOf(form: ServeArguments['log'], log: Log): Records {
  const text = form === 'json' ? (line: LogLine) => JSON.stringify(line) : logText;
  return {
    line: (line) => form !== 'none' && standardOutput.write(`${text(line)}\n`),
    fault: (error) => log.note(`ff-serve: ${describeError(error)}`),
  };
}

/** @throws InputError if the port cannot be had. */
async function listen(server: Server, { host, port }: ServeArguments, note: (text: string) => void): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InputError(`--port ${port}: cannot listen on ${host}: ${code}. Choose another port, or 0.`, { cause });
  }
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  note(`listening on http://${host.includes(':') ? `[${host}]` : host}:${bound}`);
}

/** Resolves at the first signal; a later one ends the process. */
function signalled(ending: AbortController): Promise<void> {
  return new Promise((resolve) => {
    let first = 0;
    handleSignals((end) => {
      const now = performance.now();
      // The terminal sends one to every process, and the supervisor passes its own on.
      if (first > 0 && now - first > 1000) end();
      first ||= now;
      ending.abort();
      resolve();
    });
  });
}

/** Waits for running answers, but not for ever. */
async function drained(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  server.keepAliveTimeout = 1; // those that have their answer go, too
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_SECONDS * 1000);
  await closed;
  clearTimeout(late);
}
