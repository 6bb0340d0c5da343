import { once } from 'node:events';
import type { ClientHttp2Session, IncomingHttpHeaders, SecureServerOptions, ServerHttp2Stream } from 'node:http2';
import { http2Client, startHttp2Target, type Http2Target } from '../../e2e/http2-scene.ts';
import { startHttpScene, type HttpRole, type HttpScene, type HttpSceneOptions } from '../../e2e/http-scene.ts';
import type { Handler } from '../../kit/http-target.ts';

/** Node keeps 10 MB of a connection, and refuses streams beyond it: too little for 100 large bodies at once. */
const SESSION_MB = 100;

/** A gateway in front of a target that speaks HTTP/2 (`new`) and of one that speaks HTTP/1.1 (`old`). */
export interface Http2Stage extends AsyncDisposable {
  readonly scene: HttpScene;
  readonly target: Http2Target;
  /** A connection of a client, open. */
  connect(to: 'new' | 'old'): Promise<ClientHttp2Session>;
  /** `Authorization` with a token of its own. */
  authorization(role: HttpRole): Promise<string>;
}

export interface Http2StageOptions extends HttpSceneOptions {
  readonly newer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
  readonly older?: Handler;
  readonly server?: SecureServerOptions;
  readonly nodeArgs: readonly string[];
}

export const startHttp2Stage = async ({ newer, older, server, connection, http, ...options }: Http2StageOptions): Promise<Http2Stage> => {
  const target = await startHttp2Target(newer, { maxSessionMemory: SESSION_MB, ...server });
  const more = { protocol: 'http', credential: { type: 'bearer', token: 'env:TARGET_TOKEN' }, http: { sessionIdle: '2s', ...http }, ...connection };
  const scene = await startHttpScene({
    ...options,
    ...(older ? { target: { handler: older } } : {}),
    connectionsAt: (port) => [
      { name: 'new', target: { host: '127.0.0.1', port: target.port, tls: 'verify-full', ca: target.ca }, ...more },
      { name: 'old', target: { host: '127.0.0.1', port, tls: 'disable' }, ...more },
    ],
  });
  return {
    scene, target,
    async connect(to) {
      const session = http2Client(scene, scene.gateway.port(to), { maxSessionMemory: SESSION_MB });
      await once(session, 'connect');
      return session;
    },
    authorization: async (role) => `Bearer ${await scene.issuer.token({ claims: { job: role } })}`,
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await target.stop();
    },
  };
};
