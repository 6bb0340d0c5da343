import type { Gateway } from '../kit/gateway.ts';

/** A gateway with honest clients in front of it, and what they talk to behind it. */
export interface Work extends AsyncDisposable {
  readonly gateway: Gateway;
  /**
   * The clients do their work once more, the same amount each time, and are gone at the end of it. Throws at the first answer that such a client would not
   * expect. @returns how many commands they sent
   */
  round(): Promise<number>;
}

/** Something that honest clients do: much, quickly, or for long. */
export interface Soak {
  /** As in `npm run soak -- NAME`. */
  readonly name: string;
  /** Why it cannot run on this machine; undefined when it can. */
  readonly missing?: () => string | undefined;
  /** Rounds until what is kept on purpose is as large as it gets. Default 3. */
  readonly warm?: number;
  /** @param nodeArgs flags for node that the gateway has to be started with */
  start(nodeArgs: readonly string[]): Promise<Work>;
}
