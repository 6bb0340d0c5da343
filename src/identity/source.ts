import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { IdentityProviderConfig } from '../config/resolved.ts';
import { fetchDocument, isLoopbackUrl, type FetchRules } from './fetch.ts';
import { readJsonObject } from '../wire/json.ts';
import { MAX_KEYSET_BYTES, readKeySet, type KeySet } from './keyset.ts';

/** Where the keys of one provider come from. */
export interface KeySource {
  /** Identifies the source: two configurations with the same one may share what was fetched. */
  readonly id: string;
  /**
   * Gets the keys as published now. `previous` is what is known already; the same object comes back when nothing changed.
   * @throws Error with a message that is safe to log
   */
  load(previous: KeySet | undefined): Promise<KeySet>;
  /** How long after an attempt the next one may be made, in milliseconds, when the known keys do not do. */
  readonly cooldown: number;
  /** Age at which the known keys are fetched again although they do, in milliseconds. */
  readonly refreshAfter: number;
}

/** For an issuer across the network. */
const REMOTE = { cooldown: 30_000, refreshAfter: 600_000 };
/** For a file: looking costs one stat. */
const LOCAL = { cooldown: 1_000, refreshAfter: 1_000 };

/** Makes the source that a provider's configuration asks for. */
export const keySource = (provider: IdentityProviderConfig): KeySource => {
  const { issuer, keys, ca, allowPrivate } = provider;
  const id = createHash('sha256').update(JSON.stringify([issuer, keys, ca ?? null, allowPrivate])).digest('base64url');
  const rules: FetchRules = { allowPrivate, allowLoopback: isLoopbackUrl(issuer), ...(ca === undefined ? {} : { ca }) };
  switch (keys.from) {
    case 'discovery':
      return { id, ...REMOTE, load: async (previous) => readKeySet(await fetchDocument(await discoverKeys(issuer, rules), rules, MAX_KEYSET_BYTES), previous) };
    case 'url':
      return { id, ...REMOTE, load: async (previous) => readKeySet(await fetchDocument(keys.url, rules, MAX_KEYSET_BYTES), previous) };
    case 'file':
      return { id, ...LOCAL, load: fileReader(keys.path) };
  }
};

/** OpenID Connect Discovery 1.0 section 4: the address of the keys, from a document that names this very issuer. */
const discoverKeys = async (issuer: string, rules: FetchRules): Promise<string> => {
  const document = await fetchDocument(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, rules, MAX_KEYSET_BYTES);
  const metadata = readJsonObject(document, { depth: 8, values: 20_000 });
  // Section 4.3: "MUST exactly match". Otherwise one issuer could vouch with the keys of another.
  if (metadata['issuer'] !== issuer) throw new Error('discovery document names another issuer');
  const address = metadata['jwks_uri'];
  if (typeof address !== 'string') throw new Error('discovery document has no jwks_uri');
  return address;
};

/** Reads a key set file when it is not the file that was read last. */
const fileReader = (path: string): KeySource['load'] => {
  let last = '';
  return async (previous) => {
    try {
      const file = await open(path, 'r');
      try {
        const { ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
        const version = [ino, size, mtimeNs, ctimeNs].join(' ');
        if (previous !== undefined && version === last) return previous;
        if (size > BigInt(MAX_KEYSET_BYTES)) throw new Error('key set is larger than 256 KiB');
        const set = readKeySet(await file.readFile(), previous);
        last = version;
        return set;
      } finally {
        await file.close();
      }
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Error(`key set file: ${code ?? (cause as Error).message}`, { cause });
    }
  };
};
