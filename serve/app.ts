/** The server as an application: its routes, and who may use them. */
import { existsSync } from 'node:fs';
import { getConnInfo } from '@hono/node-server/conninfo';
import { serveStatic } from '@hono/node-server/serve-static';
import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { requireKey, requireLoopback } from './access.ts';
import type { Office } from './answerer.ts';
import { boundedJson } from './body.ts';
import { complete } from './chat.ts';
import { readConversation } from './conversation.ts';
import { ApiError, apiErrorOf, badRequest } from './errors.ts';
import { homePage } from './page.ts';
import { type Records, type RequestVariables, recorded } from './request-log.ts';
import { chatChunk, chatCompletion, chatRequest, errorBody, health, type model, models } from './schema.ts';
import { issueText, placeOf, readModelName, type Settings } from './settings.ts';

/** How the application is set up. */
export interface AppOptions {
  readonly office: Office;
  readonly records: Records;
  /** What the model is called: its name, and others that it answers to. */
  readonly names: readonly string[];
  readonly defaults: Settings;
  readonly apiKey: string | undefined;
  readonly maxBodyBytes: number;
  /** Origins of pages that may ask; `*` for all. */
  readonly cors: readonly string[];
  /** Aborted when no new work is taken. */
  readonly ending: AbortSignal;
  readonly version: string;
  /** A folder of static files for `/`, if there is one. */
  readonly pages: string | undefined;
}

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  content: { 'application/json': { schema } },
  description,
});

const errors = Object.fromEntries(
  [400, 401, 403, 404, 413, 415, 429, 500, 503].map((status) => [status, json(errorBody, 'What is wrong.')]),
) as Record<400, ReturnType<typeof json<typeof errorBody>>>;

/** Makes the application. */
export function makeApp(options: AppOptions): OpenAPIHono<RequestVariables> {
  const { office, apiKey, names, ending } = options;
  const app = new OpenAPIHono<RequestVariables>({
    defaultHook: (result) => {
      if (result.success) return;
      const [issue] = result.error.issues;
      throw badRequest(issueText(result.error), issue?.path.length ? { param: placeOf(issue.path) } : {});
    },
  });
  app.use(recorded(office.metrics, options.records));
  app.onError((error, context) => {
    const told = apiErrorOf(error);
    if (told.status === 429 || told.status === 503) context.header('retry-after', '2');
    return context.json(told.body, told.status as 500);
  });
  app.notFound((context) => {
    const told = new ApiError(404, `There is no ${context.req.method} ${context.req.path.slice(0, 100)}. See /docs.`);
    return context.json(told.body, 404);
  });
  app.use(secureHeaders());
  if (options.cors.length > 0)
    app.use(
      cors({ origin: options.cors.includes('*') ? '*' : [...options.cors], exposeHeaders: ['x-framefusion-cache'] }),
    );
  if (apiKey === undefined) app.use(requireLoopback);
  else for (const path of ['/v1/*', '/metrics']) app.use(path, requireKey(apiKey));
  addModels(app, options);
  addChat(app, options);
  app.openapi(
    createRoute({
      method: 'get',
      path: '/health',
      responses: { 200: json(health, 'Ready.'), 503: json(health, 'Not ready.') },
    }),
    (context) => {
      const status = ending.aborted ? 'ending' : office.served.ready ? 'ok' : 'loading';
      return context.json({ status, model: names[0]! } as const, status === 'ok' ? 200 : 503);
    },
  );
  app.get('/v1/traces/:id', (context) => {
    const page = office.traces.get(context.req.param('id'));
    if (page === undefined) throw new ApiError(404, 'There is no such trace any more.', { code: 'trace_not_found' });
    return context.html(page);
  });
  app.get('/metrics', async (context) => {
    context.header('content-type', office.metrics.contentType);
    return context.body(await office.metrics.text());
  });
  const about = { openapi: '3.1.0', info: { title: 'ff-serve', version: options.version } };
  app.doc31('/openapi.json', about);
  app.get('/docs', (context) => context.html(homePage(names[0]!, app.getOpenAPI31Document(about))));
  if (options.pages !== undefined && existsSync(`${options.pages}/index.html`))
    app.use('/*', serveStatic({ root: options.pages }));
  else app.get('/', (context) => context.redirect('/docs'));
  return app;
}

function addModels(app: OpenAPIHono<RequestVariables>, { names }: AppOptions): void {
  const created = Math.floor(Date.now() / 1000);
  const entry = (id: string): z.infer<typeof model> => ({ id, object: 'model', created, owned_by: 'framefusion' });
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/models',
      responses: { 200: json(models, 'The served model.'), ...errors },
    }),
    (context) => context.json({ object: 'list' as const, data: names.map(entry) }, 200),
  );
  // Ids have slashes in them.
  app.get('/v1/models/:id{.+}', (context) => {
    const id = context.req.param('id');
    checkModel(readModelName(id).model, names);
    return context.json(entry(id));
  });
}

function addChat(app: OpenAPIHono<RequestVariables>, options: AppOptions): void {
  const { office, names, defaults, ending } = options;
  const route = createRoute({
    method: 'post',
    path: '/v1/chat/completions',
    middleware: boundedJson(options.maxBodyBytes),
    request: { body: { ...json(chatRequest, 'A conversation.'), required: true } },
    responses: {
      200: {
        description: 'The answer; with stream, events.',
        content: {
          'application/json': { schema: chatCompletion },
          'text/event-stream': { schema: chatChunk },
        },
      },
      ...errors,
    },
  });
  app.openapi(route, async (context) => {
    if (ending.aborted) throw new ApiError(503, 'The server is ending. Ask another one.', { code: 'ending' });
    const request = context.req.valid('json');
    const named = readModelName(request.model ?? names[0]!);
    checkModel(named.model, names);
    const settings = { ...defaults, ...named.settings, ...request.framefusion };
    const asked = readConversation(request.messages);
    const signal = context.req.raw.signal;
    const order = { request, asked, settings, client: clientOf(context, request.user), signal };
    return complete(context, order, office, context.get('note')) as never;
  });
}

/** @throws ApiError (404) if it is not what is served. */
function checkModel(name: string, names: readonly string[]): void {
  if (names.some((known) => known.toLowerCase() === name.toLowerCase())) return;
  throw new ApiError(
    404,
    `The model ${JSON.stringify(name.slice(0, 100))} is not served here: ${names.join(', ')} is.`,
    {
      param: 'model',
      code: 'model_not_found',
    },
  );
}

/** Whose turn it is: an address, and behind it a user. Behind a proxy of this machine the address is what that one says. */
function clientOf(context: Context, user: string | null | undefined): string {
  const address = addressOf(context);
  const forwarded = /^(::1|127\.|::ffff:127\.)/.test(address) ? context.req.header('x-forwarded-for') : undefined;
  return `${forwarded?.split(',').at(-1)?.trim() ?? address} ${user ?? ''}`;
}

function addressOf(context: Context): string {
  try {
    return getConnInfo(context).remote.address ?? '';
  } catch {
    return ''; // asked without a network, by a test
  }
}
