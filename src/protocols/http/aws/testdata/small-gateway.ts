import { hash } from 'node:crypto';
import { once } from 'node:events';
import { request as requestPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { certificateAuthority } from '../../../../../test/kit/certificates.ts';
import type { HttpCredentialConfig } from '../../../../config/resolved.ts';
import { createInjector, type OutgoingHead } from '../../../../secrets/upstream/injector.ts';
import { testParts } from '../../../../secrets/upstream/testdata/parts.ts';
import { hashedBody } from '../hashed-body.ts';
import { IssuedKeys } from '../issued-keys.ts';
import { isSignatureRefusal, readSignature, type ReceivedRequest } from '../signed-request.ts';
import { isStsRefusal, keyAnswer, readKeyRequest, refusalAnswer } from '../sts.ts';
import { verifySignature, type VerifiedRequest } from '../verify.ts';

/** No more than the way of a signed request: keys for a token, the client's signature checked, the target's put on. */
export interface SmallGateway extends AsyncDisposable {
  readonly url: string;
  readonly caPem: string;
  /** `METHOD PATH payload-kind -> word STATUS` of each request that was let in, in order; refusals as `refused CODE`. */
  readonly seen: readonly string[];
}

export const startSmallGateway = async (token: string, target: string, credential: HttpCredentialConfig, variables: Readonly<Record<string, string>>): Promise<SmallGateway> => {
  const authority = await certificateAuthority();
  const { certPem, keyPem } = await authority.issue(['127.0.0.1']);
  const keys = new IssuedKeys(Date.now);
  const injector = createInjector(credential, testParts(variables, Date.now()));
  const seen: string[] = [];

  const issue = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = readKeyRequest((await bytesOf(request)).toString('latin1'));
    const refused = isStsRefusal(asked) ? asked : asked.token === token ? undefined : ({ status: 400, code: 'InvalidIdentityToken', message: 'the token is not valid' } as const);
    if (refused !== undefined) return void response.writeHead(refused.status, { 'content-type': 'text/xml' }).end(refusalAnswer(refused));
    const key = isStsRefusal(asked) ? undefined : keys.issue({ text: token, expiresAt: Date.now() + 3_600_000 }, 'ci', asked.lifetime);
    if (key === undefined || isStsRefusal(asked)) return void response.writeHead(503).end();
    seen.push('keys issued');
    return void response.writeHead(200, { 'content-type': 'text/xml' }).end(keyAnswer(asked, key, 'repo:acme/billing'));
  };

  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s);
    const received: ReceivedRequest = { method: request.method ?? '', path, query, headers: pairs(request.rawHeaders) };
    const claim = readSignature(received);
    if (claim === undefined) return issue(request, response);
    const whole = !isSignatureRefusal(claim) && claim.payload === undefined ? await bytesOf(request) : undefined;
    const verified = isSignatureRefusal(claim) ? claim : verifySignature(received, claim, keys.find(claim.accessKeyId), Date.now(), whole === undefined ? undefined : hash('sha256', whole, 'hex'));
    if (isSignatureRefusal(verified)) {
      seen.push(`refused ${verified.code}`);
      return void response.writeHead(verified.status).end(`<Error><Code>${verified.code}</Code></Error>`);
    }
    return forward(request, response, received, verified, whole);
  };

  const forward = async (request: IncomingMessage, response: ServerResponse, { method, path, headers }: ReceivedRequest, { query, payload }: VerifiedRequest, whole: Buffer | undefined): Promise<void> => {
    const dropped = new Set([...injector.owns, 'host', 'connection', 'expect', 'transfer-encoding', 'proxy-connection']);
    const length = request.headers['content-length'];
    const hasBody = length !== undefined ? length !== '0' : request.headers['transfer-encoding'] !== undefined;
    const url = new URL(target);
    const head: OutgoingHead = {
      method,
      scheme: url.protocol === 'https:' ? 'https' : 'http',
      authority: url.host,
      path: query === '' ? path : `${path}?${query}`,
      headers: headers.filter(([name]) => !dropped.has(name.toLowerCase())).map(([name, value]) => [name, value]),
      body: whole !== undefined ? { kind: 'bytes', bytes: whole } : !hasBody ? { kind: 'none' } : { kind: 'stream', ...(length === undefined ? {} : { length: Number(length) }), ...(payload.kind === 'chunks' ? { chunks: payload.seed } : {}) },
    };
    const body = (await injector.inject(head, AbortSignal.timeout(10_000)))?.body;
    const outgoing = requestPlain(url, { method, path: head.path, headers: ['host', url.host, ...head.headers.flat()], agent: false });
    if (request.headers.expect === '100-continue') response.writeContinue();
    // Told by the two promises below; a second one comes when the target closes behind its answer.
    outgoing.on('error', () => {});
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    const sent = whole !== undefined || !hasBody ? void outgoing.end(whole) : pipeline([request, ...(payload.kind === 'hash' ? [hashedBody(payload.sha256)] : []), ...(body === undefined ? [] : [body.transform]), outgoing]);
    const [[answer]] = await Promise.all([answered, sent]);
    const word = head.headers.find(([name]) => name === 'x-amz-content-sha256')?.[1] ?? 'none';
    seen.push(`${method} ${path} ${payload.kind} -> ${word.length === 64 ? 'hash' : word} ${answer.statusCode}`);
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(Object.entries(answer.headers).filter(([name]) => name !== 'connection')));
    await pipeline(answer, response);
  };

  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    pass(request, response).catch((error: unknown) => {
      seen.push(`failed ${String(error)}`);
      response.destroy();
    });
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => void server.emit('request', request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caPem: authority.certPem,
    seen,
    [Symbol.asyncDispose]: async () => {
      injector.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const bytesOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

const pairs = (raw: readonly string[]): [string, string][] => raw.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : []));
