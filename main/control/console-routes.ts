/** What the browser console answers: sign-in, calls, the stream and the pages, each behind the guard. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONTRACT_VERSION, procedures } from '../../shared/contract/control.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import type { Logger } from '../telemetry/logger.ts';
import { freshNonce, refusalOf, strictHeaders, type ConsolePlace } from './console-guard.ts';
import { UNBUILT_PAGE, type ConsolePages } from './console-pages.ts';
import {
  notSignedIn,
  SESSION_MS,
  TooManyWrongTokens,
  type ConsoleSessions,
  type Session,
} from './console-session.ts';
import type { ConsoleStreams } from './console-streams.ts';
import { addFaultAnswers, addProcedures, addStream, badRequest, unknownCall } from './control-routes.ts';
import type { EngineApi } from './engine-api.ts';

const CALLS = '/api/call';
const SESSION = '/api/session';
/** Paths of ours and how each is asked, for the answer to another method. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['/api/info', 'GET'],
  ['/api/events', 'GET'],
  [SESSION, 'POST, DELETE'],
  ...Object.keys(procedures).map((name) => [`${CALLS}/${name}`, 'POST'] as const),
]);
const signInSchema = z.strictObject({ token: z.string().max(200) });

export interface ConsoleRoutes {
  /** Where it listens; known when it does. */
  readonly place: () => ConsolePlace;
  readonly api: EngineApi;
  readonly log: Logger;
  readonly sessions: ConsoleSessions;
  readonly streams: ConsoleStreams;
  readonly pages: ConsolePages;
}

export function addConsoleRoutes(server: FastifyInstance, routes: ConsoleRoutes): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(strictHeaders());
    const refusal = refusalOf(request.raw, routes.place());
    if (refusal === undefined) return;
    // Not a fault of ours, and anybody can make as many of them as he likes.
    routes.log.debug('the console refused a request', { refusal, host: request.headers.host });
    return reply.status(403).send({ error: toErrorReport(refused(refusal)) });
  });
  addFaultAnswers(server, routes.log, answerUnknown);
  server.get('/api/info', async () => ({ contract: CONTRACT_VERSION }));
  addPages(server, routes);
  addSession(server, routes);
  void server.register(async (inner) => addSignedIn(inner, routes));
}

function addPages(server: FastifyInstance, { pages }: ConsoleRoutes): void {
  server.get('/', async (_request, reply) => {
    const nonce = freshNonce();
    const page = await pages.start(nonce);
    reply.headers(strictHeaders(nonce)).type('text/html; charset=utf-8');
    return reply.status(page === undefined ? 503 : 200).send(page ?? UNBUILT_PAGE);
  });
  server.get('/*', async (request, reply) => {
    const encodings = String(request.headers['accept-encoding'] ?? '');
    const file = request.url.startsWith('/api/') ? undefined : await pages.file(request.url, encodings);
    if (file === undefined) return answerUnknown(request, reply);
    return reply.headers(file.headers).send(file.content);
  });
}

function addSession(server: FastifyInstance, { sessions, streams, place }: ConsoleRoutes): void {
  server.post(SESSION, { bodyLimit: 4096 }, async (request, reply) => {
    const parsed = signInSchema.safeParse(request.body ?? {});
    if (!parsed.success) return reply.status(400).send({ error: badRequest('sign in', 'a token is wanted') });
    try {
      const session = await sessions.signIn(parsed.data.token);
      return reply.header('set-cookie', cookieOf(place(), sessions.valueOf(session))).send({});
    } catch (error) {
      if (!(error instanceof TooManyWrongTokens)) throw error;
      const report = toErrorReport(notSignedIn('many wrong tokens were given just now'));
      return reply.status(429).header('retry-after', '1').send({ error: report });
    }
  });
  server.delete(SESSION, async (request, reply) => {
    sessions.signOut(sessions.ofCookies(request.headers.cookie, cookieName(place())));
    streams.endThoseOver();
    return reply.header('set-cookie', cookieOf(place(), '')).send({});
  });
}

/** Everything in here is for who is signed in. */
function addSignedIn(server: FastifyInstance, { sessions, streams, api, place }: ConsoleRoutes): void {
  const known = new WeakMap<IncomingMessage, Session>();
  server.addHook('onRequest', async (request, reply) => {
    let session = sessions.ofCookies(request.headers.cookie, cookieName(place()));
    const renewed = sessions.renewed(session);
    if (renewed !== undefined) {
      session = renewed;
      streams.renew(session);
      reply.header('set-cookie', cookieOf(place(), sessions.valueOf(session)));
    }
    known.set(request.raw, session);
  });
  addProcedures(server, api, CALLS);
  addStream(server, {
    path: '/api/events',
    api,
    opened: (stream, request) => {
      const session = known.get(request.raw);
      if (session === undefined) throw new Error('a stream was opened without a session');
      streams.add(stream, session);
    },
  });
}

/** Cookies know no ports: the name keeps two gateways of one machine apart. The prefix lets no other name of the host set it. */
function cookieName({ scheme, port }: ConsolePlace): string {
  return `${scheme === 'https' ? '__Host-' : ''}headgate-${port}`;
}

/** An empty value ends it. */
function cookieOf(place: ConsolePlace, value: string): string {
  const seconds = value === '' ? 0 : SESSION_MS / SECOND_MS;
  const secure = place.scheme === 'https' ? '; Secure' : '';
  return `${cookieName(place)}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

async function answerUnknown(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const methods = METHODS.get(request.url) ?? (request.url.startsWith('/api/') ? undefined : 'GET, HEAD');
  const isMethod = methods !== undefined && !methods.split(', ').includes(request.method);
  if (!isMethod) return reply.status(404).send({ error: unknownCall(request.url) });
  const error = badRequest(`${request.method} ${request.url}`, `this is asked with ${methods}`);
  return reply.status(405).header('allow', methods).send({ error });
}

function refused(message: string): GatewayError {
  return new GatewayError({
    code: 'permission-denied',
    operation: 'use the console',
    place: '',
    message,
    retry: 'never',
    hint: 'open the console at the address that `headgate console --print` names',
  });
}
