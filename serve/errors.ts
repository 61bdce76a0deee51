/** What goes wrong with a request, in OpenAI's shape: never a stack, never a path. */
import { HTTPException } from 'hono/http-exception';
import { DeviceError, FrameFusionError, InputError } from '../engine/errors.ts';
import { plainText } from '../engine/text.ts';
import { VideoError } from '../media/errors.ts';

/** OpenAI's `error.type` of a status. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  500: 'server_error',
  503: 'service_unavailable',
};

/** Where in a request something is wrong, and a word for programs. */
export interface ErrorDetails {
  readonly param?: string;
  readonly code?: string;
}

/** A path of this machine, in what another program said; no address. */
const PATH = /(?<![\w:/])\/(?:[\w.@+-]+\/)+[\w.@+-]*/g;

/** What a client is told. Its message is one line. */
export class ApiError extends FrameFusionError {
  static {
    ApiError.prototype.name = 'ApiError';
  }
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(
    status: number,
    message: string,
    { param, code, ...options }: ErrorDetails & { readonly cause?: unknown } = {},
  ) {
    super(plainText(message, 500), options);
    this.status = status;
    this.param = param ?? null;
    this.code = code ?? null;
  }

  /** The body of the answer. */
  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const { message, param, code, status } = this;
    return { error: { message, type: TYPES[status] ?? 'invalid_request_error', param, code } };
  }
}

/** Bad input at a place of the request. */
export function badRequest(message: string, details: ErrorDetails & { readonly cause?: unknown } = {}): ApiError {
  return new ApiError(400, message, details);
}

/**
 * What a client is told of any error. What it cannot mend is named by its kind only: messages of checkpoints and faults of the
 * program have paths in them.
 */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof HTTPException) return badRequest('The body is not JSON.', { cause: error }); // hono's own
  if (error instanceof VideoError || error instanceof InputError)
    return badRequest(error.message.replace(PATH, '(a file)'), { cause: error });
  if (error instanceof DeviceError)
    return new ApiError(503, 'The GPU could not do it: its memory is full, or it has failed. Try again in a moment.', {
      code: 'device_error',
      cause: error,
    });
  return new ApiError(500, 'The server could not answer. Its log says why.', { code: 'internal_error', cause: error });
}
