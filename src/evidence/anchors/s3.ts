import { createHash } from 'node:crypto';
import type { AnchorConfig } from '../../config/resolved.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { NoAnswer, send, type Incoming } from '../send.ts';
import { ANSWER_MS, AnchorFault, logFolderName, sizeName, type Anchor, type AnchoredCheckpoint } from './anchor.ts';
import { signS3, type S3Credentials } from './sigv4.ts';

export type S3Config = Extract<AnchorConfig, { readonly type: 's3' }>;

export interface S3Parts {
  readonly config: Pick<S3Config, 'url' | 'ca' | 'region' | 'accessKey' | 'secretKey' | 'sessionToken' | 'lock' | 'retain'>;
  readonly secrets: Secrets;
  readonly now?: () => number;
}

/**
 * Puts checkpoints into a bucket with Object Lock, as `<prefix>/<log>/<size>.note`, and asks afterwards whether the object is locked: there are
 * services that take the lock's headers and ignore them.
 */
export class S3Anchor implements Anchor {
  readonly #parts: S3Parts;

  constructor(parts: S3Parts) {
    this.#parts = parts;
  }

  async keep({ origin, size, note }: AnchoredCheckpoint): Promise<void> {
    const { config, now = Date.now } = this.#parts;
    const url = new URL(`${config.url}/${logFolderName(origin)}/${sizeName(size)}.note`);
    const body = Buffer.from(note, 'utf8');
    // Whole seconds: S3 keeps no more, and the time is compared below.
    const until = new Date(Math.ceil((now() + config.retain) / 1000) * 1000);
    const put = await this.#request('PUT', url, body, {
      'content-type': 'text/plain; charset=utf-8',
      // S3 asks for one of them with a lock.
      'content-md5': createHash('md5').update(body).digest('base64'),
      'x-amz-object-lock-mode': config.lock.toUpperCase(),
      'x-amz-object-lock-retain-until-date': until.toISOString().replace('.000', ''),
    });
    if (put.status !== 200) throw new AnchorFault(`PUT answered ${put.status}${errorCode(put.body)}`);
    const version = put.header('x-amz-version-id');
    if (version === undefined) throw new AnchorFault('the bucket keeps no versions, so nothing in it is locked');
    url.searchParams.set('versionId', version);
    const kept = await this.#request('HEAD', url, Buffer.alloc(0), {});
    if (kept.status !== 200) throw new AnchorFault(`the object was written, but whether it is locked cannot be seen: HEAD answered ${kept.status}`);
    const locked = Date.parse(kept.header('x-amz-object-lock-retain-until-date') ?? '');
    if (kept.header('x-amz-object-lock-mode') !== config.lock.toUpperCase() || !(locked >= until.getTime())) throw new AnchorFault('the object was written, but is not locked as it should be');
  }

  async #request(method: 'PUT' | 'HEAD', url: URL, body: Buffer, headers: Readonly<Record<string, string>>): Promise<Incoming> {
    const { config, now = Date.now } = this.#parts;
    const { ca, region } = config;
    try {
      const signed = await this.#withCredentials((credentials) => signS3({ method, url, headers, body, region, now: new Date(now()) }, credentials));
      return await send({ url: url.href, method, headers: signed, body, timeoutMs: ANSWER_MS, mostBytes: 64 * 1024, ...(ca === undefined ? {} : { ca }) });
    } catch (error) {
      throw new AnchorFault(error instanceof NoAnswer ? `${method}: ${error.message}` : (error as Error).message);
    }
  }

  async #withCredentials<T>(use: (credentials: S3Credentials) => T): Promise<T> {
    const { config, secrets } = this.#parts;
    const accessKey = (await secrets.lease(config.accessKey)).use((value) => value.toString('latin1'));
    const sessionToken = config.sessionToken && (await secrets.lease(config.sessionToken)).use((value) => value.toString('latin1'));
    return (await secrets.lease(config.secretKey)).use((secretKey) => use({ accessKey, secretKey, ...(sessionToken === undefined ? {} : { sessionToken }) }));
  }
}

/** The code of an error document: letters only, since it is shown. */
const errorCode = (body: Buffer): string => {
  const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(body.toString('latin1'))?.[1];
  return code === undefined ? '' : ` ${code}`;
};
