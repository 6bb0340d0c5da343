import { readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { certificateAuthority } from '../kit/certificates.ts';
import { startHttpTarget, type HttpTarget, type HttpTargetOptions } from '../kit/http-target.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { tempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';
import { startHttpScene, type HttpRole, type HttpScene, type HttpSceneOptions } from './http-scene.ts';

/** By which clients ask for the target that has TLS, and for the one that has none. */
export const SECURE = 'api.example';
export const PLAIN = 'plain.example';

/** A gateway that is a forward proxy at two addresses, one of TLS and one of loopback without, for a target with TLS and one without. */
export interface ProxyScene {
  readonly scene: HttpScene;
  readonly secure: HttpTarget;
  readonly plain: HttpTarget;
  /** Port of the proxy that speaks TLS, and of the one that does not. */
  readonly port: number;
  readonly loosePort: number;
  /** File of the interception CA, and of it together with the gateway's own. */
  readonly interceptionCa: string;
  readonly bothCas: string;
  /** Address of a proxy with the token as password. */
  proxy(role: HttpRole | undefined, kind?: 'https' | 'http'): Promise<string>;
  /** What a CONNECT is answered, with the socket. */
  connect(authority: string, headers: Readonly<Record<string, string>>): Promise<{ readonly answer: string; readonly socket: Socket }>;
  /** TLS inside a tunnel for SECURE. Rejects as the client sees it. */
  inside(role: HttpRole, servername?: string): Promise<TLSSocket>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startProxyScene = async (options: HttpSceneOptions & { readonly secureTarget?: HttpTargetOptions } = {}): Promise<ProxyScene> => {
  const folder = tempFolder('proxy');
  const authority = await certificateAuthority();
  const issued = await authority.issue(['localhost']);
  const ca = folder.file('target-ca.pem');
  writeFileSync(ca, authority.certPem);
  const secure = await startHttpTarget({ ...options.secureTarget, tls: { cert: issued.certPem, key: issued.keyPem } });
  const [port, loosePort] = [await freePort(), await freePort()];
  const credential = { type: 'bearer', token: 'env:TARGET_TOKEN' };
  const scene = await startHttpScene({
    ...options,
    connectionsAt: (plainPort) => {
      const toSecure = { protocol: 'http', target: { host: 'localhost', port: secure.port, tls: 'verify-full', ca }, credential, http: { ...options.http, proxy: true, hosts: [SECURE, '*.storage.example'] } };
      const toPlain = { protocol: 'http', target: { host: '127.0.0.1', port: plainPort, tls: 'disable' }, credential, http: { ...options.http, proxy: true, hosts: [PLAIN] } };
      return [
        { name: 'direct', protocol: 'http', target: { host: '127.0.0.1', port: plainPort, tls: 'disable' }, credential },
        { name: 'secure', listen: `127.0.0.1:${port}`, ...toSecure },
        { name: 'plain', listen: `127.0.0.1:${port}`, ...toPlain, http: { ...options.http, proxy: true } },
        { name: 'secure-loose', listen: `127.0.0.1:${loosePort}`, plaintext: true, ...toSecure },
        { name: 'plain-loose', listen: `127.0.0.1:${loosePort}`, plaintext: true, ...toPlain },
      ];
    },
  });
  const interceptionCa = `${scene.gateway.dataDir}/interception-ca.pem`;
  const bothCas = folder.file('both.pem');
  writeFileSync(bothCas, `${readFileSync(scene.gateway.caFile, 'utf8')}${readFileSync(interceptionCa, 'utf8')}`);
  const connect: ProxyScene['connect'] = async (to, headers) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: scene.ca, servername: 'localhost' });
    socket.on('error', () => {});
    let answer = '';
    const onData = (chunk: Buffer): void => void (answer += chunk.toString('latin1'));
    socket.on('data', onData);
    let closed = false;
    socket.once('close', () => (closed = true));
    socket.write(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    await until(() => closed || (answer.startsWith('HTTP/1.1 200 ') && answer.includes('\r\n\r\n')), 20_000, 'an answer to CONNECT');
    socket.off('data', onData);
    return { answer, socket };
  };
  return {
    scene, secure, plain: scene.target, port, loosePort, interceptionCa, bothCas, connect,
    proxy: async (role, kind = 'https') => {
      const token = role === undefined ? '' : `job:${await scene.token(role)}@`;
      return `${kind}://${token}localhost:${kind === 'https' ? port : loosePort}`;
    },
    inside: async (role, servername = SECURE) => {
      const { answer, socket } = await connect(`${SECURE}:443`, { 'Proxy-Authorization': `Bearer ${await scene.token(role)}` });
      if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(answer);
      return new Promise((resolve, reject) => {
        const inner: TLSSocket = connectTls({ socket, ca: readFileSync(interceptionCa, 'utf8'), servername, checkServerIdentity: () => undefined }, () => resolve(inner));
        inner.once('error', reject);
        socket.once('close', () => reject(new Error('closed')));
      });
    },
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await secure.stop();
      releasePort(port);
      releasePort(loosePort);
      folder.remove();
    },
  };
};

