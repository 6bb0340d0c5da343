import { loadApi, type Api } from '../../apis/api.ts';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { createInjector, type Injector } from '../../secrets/upstream/injector.ts';

/** What all sessions of one connection share: nothing of it belongs to a client. */
export interface Target {
  readonly api: Api;
  readonly injector: Injector;
}

interface Entry {
  readonly key: string;
  readonly target: Promise<Target>;
}

/** For each connection as configured: what its requests mean, and the credential that is put on them. */
export class Targets {
  readonly #secrets: Secrets;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  readonly #byConfig = new WeakMap<HttpConnectionConfig, Target | Promise<Target>>();

  constructor(secrets: Secrets, log: Logger) {
    this.#secrets = secrets;
    this.#log = log;
  }

  of(connection: HttpConnectionConfig): Target | Promise<Target> {
    const known = this.#byConfig.get(connection);
    if (known) return known;
    const target = this.#current(connection);
    this.#byConfig.set(connection, target);
    target.then((open) => this.#byConfig.set(connection, open), () => this.#byConfig.delete(connection));
    return target;
  }

  close(): void {
    for (const { target } of this.#entries.values()) closeLater(target);
    this.#entries.clear();
  }

  /** A reload makes other objects of the same text: what is cached of a credential outlives it. */
  #current(connection: HttpConnectionConfig): Promise<Target> {
    const { name, credential, http } = connection;
    const key = JSON.stringify([credential, http.apis, http.setsDigest, http.hosts]);
    const known = this.#entries.get(name);
    if (known?.key === key) return known.target;
    if (known) closeLater(known.target);
    const target = this.#open(connection);
    this.#entries.set(name, { key, target });
    target.catch(() => {
      // The next request tries again: a file may be there then.
      if (this.#entries.get(name)?.target === target) this.#entries.delete(name);
    });
    return target;
  }

  async #open({ credential, http }: HttpConnectionConfig): Promise<Target> {
    const api = await loadApi(http.apis, { hosts: http.hosts });
    return { api, injector: createInjector(credential, { secrets: this.#secrets, log: this.#log, clock: Date.now }) };
  }
}

const closeLater = (target: Promise<Target>): void => void target.then(({ injector }) => injector.close()).catch(() => {});
