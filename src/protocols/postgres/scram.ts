import { type X509Certificate, createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { saslprep } from './saslprep.ts';

/** RFC 7677 asks for at least 4096; fewer would let a false server guess passwords from our proof cheaply. */
const LEAST_ITERATIONS = 4_096;
/** More would let a server keep a processor busy for a second and longer. */
const MOST_ITERATIONS = 1_000_000;
const HASH_BYTES = 32;
/** Longest message that we take from a server. */
const MESSAGE_LIMIT = 8_192;

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';

/** The server's side of SCRAM is not as it must be, or the server does not know the password. Carries no secret. */
export class ScramError extends Error {
  /** `unverified`: the server did not prove that it knows the password, so it may be another one. */
  readonly fault: 'malformed' | 'unverified';
  constructor(fault: 'malformed' | 'unverified', message: string) {
    super(message);
    this.name = 'ScramError';
    this.fault = fault;
  }
}

export interface ScramStart {
  readonly mechanism: ScramMechanism;
  /** The client-first-message. */
  readonly message: Buffer;
}

/** What we know about the channel when SCRAM starts. */
export interface ScramChannel {
  readonly mechanisms: readonly string[];
  /** `tls-server-end-point` data of the TLS channel; absent without TLS, or when the certificate has no hash of its own. */
  readonly endPoint?: Buffer | undefined;
}

/**
 * The client's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), bound to the TLS channel when the server offers it
 * (RFC 5929). Use: `start`, `proof` with the server's first message, `verify` with its last one.
 */
export class ScramClient {
  readonly #nonce: string;
  #header = '';
  #binding: Buffer = Buffer.alloc(0);
  #firstBare = '';
  #serverSignature: Buffer | undefined;

  /** @param nonce for test vectors; random otherwise */
  constructor(nonce: string = randomBytes(24).toString('base64')) {
    this.#nonce = nonce;
  }

  /** Chooses the strongest mechanism. Undefined when the server offers none that we speak. */
  start({ mechanisms, endPoint }: ScramChannel, user = ''): ScramStart | undefined {
    const plus = mechanisms.includes('SCRAM-SHA-256-PLUS');
    let mechanism: ScramMechanism;
    if (plus && endPoint !== undefined) {
      mechanism = 'SCRAM-SHA-256-PLUS';
      this.#header = 'p=tls-server-end-point,,';
      this.#binding = endPoint;
    } else if (mechanisms.includes('SCRAM-SHA-256')) {
      mechanism = 'SCRAM-SHA-256';
      // `y`: we could bind and believe that the server cannot. A server that did offer it then sees that somebody removed the offer.
      this.#header = endPoint === undefined ? 'n,,' : 'y,,';
    } else {
      return undefined;
    }
    // PostgreSQL takes the user from the startup message and wants it empty here.
    this.#firstBare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${this.#nonce}`;
    return { mechanism, message: Buffer.from(this.#header + this.#firstBare) };
  }

  /** The client-final-message. The password is not kept. Throws ScramError. */
  async proof(serverFirst: Buffer, password: Buffer): Promise<Buffer> {
    const { text, nonce, salt, iterations } = readServerFirst(serverFirst);
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) throw new ScramError('malformed', 'the server did not add to the nonce');
    const prepared = saslprep(password);
    const salted = await derive(prepared, salt, iterations).finally(() => prepared.fill(0));
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = createHash('sha256').update(clientKey).digest();
    const withoutProof = `c=${Buffer.concat([Buffer.from(this.#header), this.#binding]).toString('base64')},r=${nonce}`;
    const authMessage = `${this.#firstBare},${text},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = Buffer.alloc(HASH_BYTES);
    for (let i = 0; i < HASH_BYTES; i++) proof[i] = (clientKey[i] as number) ^ (signature[i] as number);
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), authMessage);
    salted.fill(0);
    clientKey.fill(0);
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  /** Checks the server-final-message: only after this is the server known to hold the password's verifier. Throws ScramError. */
  verify(serverFinal: Buffer): void {
    const expected = this.#serverSignature;
    if (expected === undefined) throw new ScramError('malformed', 'the server ended SCRAM too early');
    const [first] = asciiText(serverFinal).split(',');
    if (first?.startsWith('e=') === true) throw new ScramError('unverified', 'the server reported an error in SCRAM');
    const given = first?.startsWith('v=') === true ? base64(first.slice(2)) : undefined;
    if (given === undefined) throw new ScramError('malformed', 'the server sent no signature');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new ScramError('unverified', 'the server does not know the password: its signature is wrong');
  }
}

const readServerFirst = (message: Buffer): { text: string; nonce: string; salt: Buffer; iterations: number } => {
  const text = asciiText(message);
  const parts = text.split(',');
  const [r, s, i] = parts;
  // A mandatory extension (`m=`) would stand first, and we know none.
  if (r?.startsWith('r=') !== true || s?.startsWith('s=') !== true || i?.startsWith('i=') !== true) throw new ScramError('malformed', 'the first message of the server is malformed');
  const salt = base64(s.slice(2));
  if (salt === undefined || salt.length === 0) throw new ScramError('malformed', 'the salt is malformed');
  const count = i.slice(2);
  const iterations = /^[1-9][0-9]{0,9}$/.test(count) ? Number(count) : 0;
  if (iterations < LEAST_ITERATIONS || iterations > MOST_ITERATIONS) throw new ScramError('malformed', `the number of iterations is not between ${LEAST_ITERATIONS} and ${MOST_ITERATIONS}`);
  return { text, nonce: r.slice(2), salt, iterations };
};

const asciiText = (message: Buffer): string => {
  if (message.length > MESSAGE_LIMIT || message.some((byte) => byte < 0x21 || byte > 0x7e)) throw new ScramError('malformed', 'a message of the server is not printable text');
  return message.toString('latin1');
};

/** Canonical base64 only: Node would skip what it does not know. */
const base64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
};

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** In the thread pool: thousands of iterations must not hold up other connections. */
const derive = (password: Buffer, salt: Buffer, iterations: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, HASH_BYTES, 'sha256', (error, key) => (error === null ? resolve(key) : reject(error)));
  });

/**
 * The `tls-server-end-point` binding of a server certificate (RFC 5929, 4.1): its hash with the hash function of its signature,
 * SHA-256 in place of MD5 and SHA-1. Undefined for signatures that have no single hash function (Ed25519, RSA-PSS).
 */
export const tlsServerEndPoint = (certificate: X509Certificate): Buffer | undefined => {
  const algorithm = certificate.signatureAlgorithm?.toLowerCase() ?? '';
  const digest = /sha-?(224|256|384|512)/.exec(algorithm)?.[1] ?? (/md5|sha-?1/.test(algorithm) ? '256' : undefined);
  if (digest === undefined) return undefined;
  return createHash(`sha${digest}`).update(certificate.raw).digest();
};
