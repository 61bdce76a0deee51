/** One line a request: who waited how long for how much. Never what was said, and no keys. */
import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Outcome } from './answerer.ts';
import { apiErrorOf } from './errors.ts';
import type { Metrics } from './metrics.ts';

/** What a handler tells about its request. */
export interface RequestNote {
  /** The answer has ended. */
  ended(outcome: Outcome): void;
  /** It has failed after its status was sent. */
  failed(error: unknown): void;
  /** The request is not through before. */
  until(end: Promise<void>): void;
}

/** A line of the log. */
export interface LogLine {
  readonly time: string;
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly seconds: number;
  readonly in?: number;
  readonly cached?: number;
  readonly out?: number;
}

/** Where lines go, and what is told of faults. */
export interface Records {
  readonly line: (line: LogLine) => void;
  /** Given errors that a client is not told. */
  readonly fault: (error: unknown) => void;
}

/** Variables of a request. */
export interface RequestVariables {
  Variables: { note: RequestNote };
}

/** Paths that are counted by their names; others share one, because anybody can make up more. */
const PATHS = /^\/(v1\/chat\/completions|v1\/models|v1\/traces|health|metrics|openapi\.json|docs)?(?=\/|$)/;

class Note implements RequestNote {
  outcome: Outcome | undefined;
  error: unknown;
  end: Promise<void> | undefined;

  ended(outcome: Outcome): void {
    this.outcome = outcome;
  }
  failed(error: unknown): void {
    this.error = error;
  }
  until(end: Promise<void>): void {
    this.end = end;
  }
}

/** Counts and logs each request when it is through. */
export function recorded(metrics: Metrics, { line, fault }: Records): MiddlewareHandler<RequestVariables> {
  return async (context, next) => {
    const note = new Note();
    const { method, path, raw } = context.req;
    const id = randomUUID();
    const started = performance.now();
    context.set('note', note);
    context.header('x-request-id', id);
    await next();
    const error = context.error;
    const through = (): void => {
      const failed = note.error ?? error;
      const told = failed === undefined ? undefined : apiErrorOf(failed);
      if (told && told.status >= 500 && told.cause !== undefined && !raw.signal.aborted) fault(failed);
      const status = raw.signal.aborted ? 499 : (told?.status ?? context.res.status);
      const seconds = (performance.now() - started) / 1000;
      const [known = 'other'] = PATHS.exec(path) ?? [];
      metrics.requests.inc({ path: known, status });
      if (note.outcome) metrics.seconds.observe({ stage: 'request' }, seconds);
      const { stats } = note.outcome ?? {};
      line({
        ...{ time: new Date().toISOString(), id, method, path, status, seconds: Number(seconds.toFixed(3)) },
        ...(stats && { in: stats.promptRows, cached: stats.reusedRows, out: stats.generated }),
      });
    };
    if (note.end) void note.end.then(through);
    else through();
  };
}

/** A line as a person reads it. */
export function logText(line: LogLine): string {
  const { time, id, method, path, status, seconds } = line;
  const tokens = line.in === undefined ? '' : `  ${line.in} in, ${line.cached} cached, ${line.out} out`;
  return `${time}  ${id}  ${method} ${path.slice(0, 100)}  ${status}  ${seconds.toFixed(3)} s${tokens}`;
}
