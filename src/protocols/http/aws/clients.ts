import { hash } from 'node:crypto';
import type { HttpConnectionConfig } from '../../../config/resolved.ts';
import { isRefusal, type Refusal } from '../../../model/decision.ts';
import type { ChunkSeed } from '../../../secrets/upstream/aws-chunk-signature.ts';
import { EMPTY_SHA256 } from '../../../secrets/upstream/sigv4.ts';
import { KeptBody, type KeptBytes } from '../body.ts';
import type { ClientStream } from '../exchange.ts';
import { isForm, readForm } from '../form.ts';
import type { RequestHead } from '../head.ts';
import type { HttpSession } from '../session.ts';
import { IssuedKeys } from './issued-keys.ts';
import { awsProblem, dialectOf, type AwsRefusal } from './refusals.ts';
import { isSignatureRefusal, readSignature, type ReceivedRequest, type SignatureClaim } from './signed-request.ts';
import { isStsRefusal, keyAnswer, MAX_STS_REQUEST, readKeyRequest, refusalAnswer, type KeyRequest, type StsRefusal } from './sts.ts';
import { verifySignature } from './verify.ts';

/** What the client's own signature says of the body. */
export interface SignedBody {
  /** Whatever comes as body must have this SHA-256. */
  readonly sha256?: string;
  /** Each chunk carries a signature that follows from this. */
  readonly chunks?: ChunkSeed;
}

/** Whose a signed request is, and what goes on of it. */
export interface SignedRequest {
  /** The token that the key was issued for. */
  readonly token: string;
  /** Without what belongs to the signature. */
  readonly rawQuery: string;
  /** What was read of the body already. */
  readonly body?: KeptBody;
  readonly signed: SignedBody;
}

export interface AwsClientsParts {
  readonly kept: KeptBytes;
}

/** Clients of AWS: they show no token but a signature, made with keys that they got here for their token. */
export class AwsClients {
  readonly #keys = new IssuedKeys(Date.now);
  readonly #parts: AwsClientsParts;

  constructor(parts: AwsClientsParts) {
    this.#parts = parts;
  }

  /** It asks for keys: AssumeRoleWithWebIdentity, which nobody signs. `path`: behind the connection's prefix. */
  asksForKeys({ method, values, target }: RequestHead, path: string): boolean {
    if (path !== '/' || values.has('authorization') || values.has('x-wicketgate-token')) return false;
    return method === 'POST' ? isForm(values) : method === 'GET' && /[?&]Action=/.test(target);
  }

  /** Answers one that asks for keys. `open` gives the session of its token. Resolves to why it was refused, for what is counted. */
  async issue(client: ClientStream, open: (token: string) => HttpSession | Refusal | Promise<HttpSession | Refusal>): Promise<Refusal['code'] | undefined> {
    const { head } = client;
    const read = head.method === 'GET' ? { form: head.target.slice(head.target.indexOf('?') + 1) } : await readForm(client, MAX_STS_REQUEST, this.#parts.kept);
    if (read === 'gone') return undefined;
    const request: KeyRequest | StsRefusal = 'refused' in read ? { status: 400, code: 'ValidationError', message: read.refused } : readKeyRequest(read.form);
    if (isStsRefusal(request)) {
      answerXml(client, request.status, refusalAnswer(request));
      return 'protocol';
    }
    const session = await open(request.token);
    if (isRefusal(session)) {
      const refused = stsRefusal(session);
      answerXml(client, refused.status, refusalAnswer(refused));
      // It was counted where it was refused.
      return undefined;
    }
    const { principal } = session.gated.session;
    const key = this.#keys.issue({ text: request.token, expiresAt: principal.tokenExpiresAt }, ownerOf(principal), request.lifetime);
    if (key === undefined) {
      answerXml(client, 503, refusalAnswer({ status: 503, code: 'ServiceUnavailable', message: 'wicketgate: no more keys can be issued now' }));
      return undefined;
    }
    session.log.info({ key: key.accessKeyId, until: new Date(key.expiresAt).toISOString() }, 'keys issued');
    answerXml(client, 200, keyAnswer(request, key, principal.subject));
    return undefined;
  }

  /** What a signature on the request claims; undefined: it has none, or shows its token in a header of its own, beside which signatures are nothing. */
  claimOf(head: RequestHead): SignatureClaim | AwsRefusal | undefined {
    if (head.values.has('x-wicketgate-token')) return undefined;
    const claim = readSignature(receivedOf(head));
    const twice = claim !== undefined && 'lifetime' in claim && head.values.has('authorization');
    return twice ? { status: 400, code: 'InvalidRequest', message: 'the request shows in two ways who asks' } : claim;
  }

  /** Checks the signature. Reads the whole body first where the signature needs its hash; of a key that nobody has it reads nothing. */
  async authenticate(client: ClientStream, claim: SignatureClaim, { http }: HttpConnectionConfig): Promise<SignedRequest | AwsRefusal | 'gone'> {
    const { head } = client;
    const key = this.#keys.find(claim.accessKeyId);
    let body: KeptBody | undefined;
    let digest = EMPTY_SHA256;
    if (claim.payload === undefined && client.body && key) {
      if (head.body.kind === 'length' && head.body.length > http.wholeBody) return tooLarge(http.wholeBody);
      body = new KeptBody(client.body, http.wholeBody, this.#parts.kept.of(`key ${key.owner}`));
      client.sendContinue();
      const to = await body.read();
      if (to !== 'whole') {
        body.release();
        return to === 'broken' ? 'gone' : to === 'too large' ? tooLarge(http.wholeBody) : to === 'idle' ? LATE : FULL;
      }
      digest = hash('sha256', body.bytes(), 'hex');
    }
    const verified = verifySignature(receivedOf(head), claim, key, Date.now(), digest);
    const wrong = isSignatureRefusal(verified) ? verified : verified.payload.kind === 'hash' && !client.body && verified.payload.sha256 !== EMPTY_SHA256 ? NOT_THIS_BODY : undefined;
    if (wrong !== undefined || isSignatureRefusal(verified)) {
      body?.release();
      return wrong ?? NOT_THIS_BODY;
    }
    const { payload, query } = verified;
    const signed = payload.kind === 'hash' ? { sha256: payload.sha256 } : payload.kind === 'chunks' ? { chunks: payload.seed } : {};
    return { token: verified.key.token(), rawQuery: query, ...(body ? { body } : {}), signed };
  }

  /** The identity behind a key may come no more: none of its keys is good for anything. */
  forget(accessKeyId: string): void {
    const owner = this.#keys.find(accessKeyId)?.owner;
    if (owner !== undefined) this.#keys.forgetOwner(owner);
  }
}

export const isAwsRefusal = (read: object): read is AwsRefusal => 'code' in read;

/** Tells a client of AWS why its signature does not let it in. */
export const refuseSigned = (client: ClientStream, refused: AwsRefusal): void => {
  const { fields, body } = awsProblem(dialectOf(client.head), { code: refused.code, message: `wicketgate: ${refused.message}` });
  client.answer(refused.status, [...fields, ['Cache-Control', 'no-store']], body);
};

const tooLarge = (most: number): AwsRefusal => ({ status: 413, code: 'EntityTooLarge', message: `the body has to be read before its signature can be checked, and has more than ${most} bytes` });
const LATE: AwsRefusal = { status: 400, code: 'RequestTimeout', message: 'the body of the request did not come' };
const FULL: AwsRefusal = { status: 503, code: 'SlowDown', message: 'the gateway keeps too many bodies already: try again' };
const NOT_THIS_BODY: AwsRefusal = { status: 400, code: 'XAmzContentSHA256Mismatch', message: 'the body is not the one that was signed' };

const ownerOf = ({ identity, provider, subject }: { readonly identity: string; readonly provider: string; readonly subject: string }): string => JSON.stringify([identity, provider, subject]);

const receivedOf = ({ method, target, fields }: RequestHead): ReceivedRequest => {
  const mark = target.indexOf('?');
  return { method, path: mark < 0 ? target : target.slice(0, mark), query: mark < 0 ? '' : target.slice(mark + 1), headers: fields };
};

const answerXml = (client: ClientStream, status: number, body: string): void => client.answer(status, [['Content-Type', 'text/xml'], ['Cache-Control', 'no-store']], Buffer.from(body));

const stsRefusal = ({ code, message }: Refusal): StsRefusal => {
  const told = `wicketgate: ${message}`;
  if (code === 'unauthenticated') return { status: 400, code: 'InvalidIdentityToken', message: told };
  return code === 'limit' || code === 'evidence_unavailable' || code === 'shutting_down' || code === 'internal' ? { status: 503, code: 'ServiceUnavailable', message: told } : { status: 403, code: 'AccessDenied', message: told };
};
