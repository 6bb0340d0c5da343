import { renameSync, writeFileSync } from 'node:fs';
import { tempFolder } from './temp.ts';
import { mintToken, signingKey, type Algorithm, type SigningKey, type TokenOptions } from './tokens.ts';

/** An issuer without a server: keys, a JWKS file for `jwksFile:`, and tokens. */
export interface StaticIssuer {
  readonly issuer: string;
  readonly jwksFile: string;
  /** The key that signs now. */
  key(): SigningKey;
  token(options?: TokenOptions): Promise<string>;
  /** Signs with a new key from now on, and replaces the file atomically. `keepOld` (default true): the old key stays in the file. */
  rotate(options?: { readonly keepOld?: boolean; readonly algorithm?: Algorithm }): Promise<void>;
  stop(): void;
  [Symbol.dispose](): void;
}

export async function staticIssuer(options: { readonly issuer?: string; readonly algorithm?: Algorithm } = {}): Promise<StaticIssuer> {
  const issuer = options.issuer ?? 'https://issuer.test';
  const folder = tempFolder('issuer');
  const jwksFile = folder.file('jwks.json');
  let keys = [await signingKey(options.algorithm)];
  const current = (): SigningKey => {
    const key = keys[0];
    if (key === undefined) throw new Error('an issuer always has a key');
    return key;
  };
  const publish = (): void => {
    writeFileSync(`${jwksFile}.new`, JSON.stringify({ keys: keys.map((key) => key.publicJwk) }));
    renameSync(`${jwksFile}.new`, jwksFile);
  };
  publish();
  const stop = (): void => { folder.remove(); };
  return {
    issuer, jwksFile, stop,
    key: current,
    token: (wanted) => mintToken(issuer, current(), wanted),
    async rotate({ keepOld = true, algorithm } = {}) {
      const next = await signingKey(algorithm ?? current().algorithm);
      keys = keepOld ? [next, ...keys] : [next];
      publish();
    },
    [Symbol.dispose]: stop,
  };
}
