import { readFileSync } from 'node:fs';
import type * as http from 'node:http';
import * as https from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { startGateway, type Gateway } from '../kit/gateway.ts';
import { startHttpTarget, type HttpTarget, type HttpTargetOptions } from '../kit/http-target.ts';
import { startIssuer, type Issuer } from '../kit/issuer.ts';

/** Only the gateway may know it. */
export const TARGET_TOKEN = 'only-the-gateway-knows-this-token-7c41';

export type HttpRole = 'reader' | 'writer' | 'stranger';

export interface HttpSceneOptions {
  readonly target?: HttpTargetOptions;
  readonly policies?: readonly Record<string, unknown>[];
  /** More of the one connection, `api`. */
  readonly connection?: Readonly<Record<string, unknown>>;
  /** More of its `http`. */
  readonly http?: Readonly<Record<string, unknown>>;
  readonly connectionsAt?: (port: number) => readonly Record<string, unknown>[];
  readonly control?: Readonly<Record<string, unknown>>;
  readonly gateway?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly provider?: Readonly<Record<string, unknown>>;
  /** Further identity providers and identities. */
  readonly providers?: readonly Record<string, unknown>[];
  readonly identities?: readonly Record<string, unknown>[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** An answer as a client got it. */
export interface Answered {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** Of `application/problem+json`. */
  readonly problem: Record<string, unknown>;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly agent?: https.Agent | http.Agent;
  readonly signal?: AbortSignal;
  readonly port?: number;
  /** For TLS; default localhost. */
  readonly servername?: string;
}

/** A target, an issuer and a gateway between them, with one connection of HTTP. */
export interface HttpScene {
  readonly target: HttpTarget;
  readonly issuer: Issuer;
  readonly gateway: Gateway;
  readonly config: Readonly<Record<string, unknown>>;
  readonly ca: string;
  /** Address of the gateway, without a slash at its end. */
  readonly url: string;
  token(role: HttpRole): Promise<string>;
  /** One request of this role; of nobody when it is undefined. */
  ask(role: HttpRole | undefined, path: string, asked?: Asked): Promise<Answered>;
  /** A connection that says nothing by itself. */
  dial(port?: number): Promise<Socket>;
  /** Sends bytes, and gives all that came back until the gateway closed, or `enough` of what came says yes. */
  say(bytes: string | Buffer, enough?: (text: string) => boolean): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const HTTP_POLICIES: readonly Record<string, unknown>[] = [
  { name: 'reading', identities: ['reader'], connections: ['*'], allow: ['read'] },
  { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write'] },
];

export const startHttpScene = async (options: HttpSceneOptions = {}): Promise<HttpScene> => {
  const target = await startHttpTarget(options.target);
  const issuer = await startIssuer();
  const identity = (name: HttpRole): Record<string, unknown> => ({ name, owner: { contact: `${name}s@acme.example` }, provider: 'ci', claims: { job: name } });
  const connection = {
    name: 'api',
    protocol: 'http',
    target: { host: '127.0.0.1', port: target.port, tls: 'disable' },
    credential: { type: 'bearer', token: 'env:TARGET_TOKEN' },
    ...(options.http ? { http: options.http } : {}),
    ...options.connection,
  };
  const config = {
    gateway: { names: ['localhost', '127.0.0.1'], ...options.gateway },
    ...(options.control ? { control: options.control } : {}),
    identityProviders: [{ name: 'ci', issuer: issuer.issuer, audience: 'wicketgate', allowPrivate: true, ...options.provider }, ...(options.providers ?? [])],
    identities: [identity('reader'), identity('writer'), ...(options.identities ?? [])],
    connections: options.connectionsAt?.(target.port) ?? [connection],
    policies: options.policies ?? HTTP_POLICIES,
    ...options.more,
  };
  const gateway = await startGateway(config, { env: { TARGET_TOKEN, ...options.env }, ...(options.nodeArgs ? { nodeArgs: options.nodeArgs } : {}) }).catch(async (error: unknown) => {
    await issuer.stop();
    await target.stop();
    throw error;
  });
  const ca = readFileSync(gateway.caFile, 'utf8');
  // A token is good for more than one request, and a session belongs to one: it lasts for as long as a slow machine needs for all of them.
  const token = (role: HttpRole): Promise<string> => issuer.token({ claims: { job: role }, expiresIn: 3_000 });
  const tokens = new Map<HttpRole, Promise<string>>();
  const kept = (role: HttpRole): Promise<string> => {
    let one = tokens.get(role);
    if (!one) tokens.set(role, (one = token(role)));
    return one;
  };
  const dial = (port = gateway.port()): Promise<Socket> => new Promise((resolve, reject) => {
    const socket: Socket = (connection as Readonly<Record<string, unknown>>)['plaintext'] === true ? connectTcp(port, '127.0.0.1', () => resolve(socket)) : connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => resolve(socket));
    socket.once('error', reject);
  });
  return {
    target, issuer, gateway, config, ca,
    url: `https://localhost:${gateway.port()}`,
    token: kept,
    async ask(role, path, asked = {}) {
      const authorization = role === undefined ? {} : { Authorization: `Bearer ${await kept(role)}` };
      // Node sends the body of a DELETE without a word of its length.
      const length = asked.body === undefined || asked.headers?.['Transfer-Encoding'] !== undefined ? {} : { 'Content-Length': String(Buffer.byteLength(asked.body)) };
      const headers = { ...authorization, ...length, ...asked.headers };
      return new Promise((resolve, reject) => {
        const request = https.request({ host: 'localhost', servername: asked.servername ?? 'localhost', port: asked.port ?? gateway.port(), ca, path, method: asked.method ?? 'GET', headers, agent: asked.agent ?? false, ...(asked.signal ? { signal: asked.signal } : {}) }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () => {
            const body = Buffer.concat(chunks);
            const text = body.toString('utf8');
            const isProblem = response.headers['content-type'] === 'application/problem+json';
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body, text, problem: isProblem && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {} });
          });
        });
        request.once('error', reject);
        request.end(asked.body);
      });
    },
    dial,
    async say(bytes, enough) {
      const socket = await dial();
      return new Promise((resolve) => {
        let text = '';
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString('latin1');
          if (enough?.(text) === true) socket.destroy();
        });
        socket.once('close', () => resolve(text));
        socket.on('error', () => {});
        socket.write(bytes);
      });
    },
    [Symbol.asyncDispose]: async () => {
      await gateway.stop();
      await issuer.stop();
      await target.stop();
    },
  };
};
