import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { Refusal, RefusalCode } from '../../model/decision.ts';
import { AwsClients, isAwsRefusal, refuseSigned, type SignedRequest } from './aws/clients.ts';
import { dialectOf, type AwsDialect, type AwsRefusal } from './aws/refusals.ts';
import type { KeptBytes } from './body.ts';
import type { ClientStream } from './exchange.ts';
import { asksForToken, exchangeToken } from './google/token-exchange.ts';
import type { HttpSession } from './session.ts';

/** Who asks, where a signature says it. */
export interface Signed extends SignedRequest {
  /** How the client reads what it is refused. */
  readonly dialect: AwsDialect;
  /** The identity may come no more. */
  readonly forget: () => void;
}

export interface EntranceParts {
  /** Behind the connection's prefix. */
  readonly path: string;
  /** The session of a token. */
  readonly open: (token: string) => HttpSession | Refusal | Promise<HttpSession | Refusal>;
  /** Counts what was refused before anybody was known. */
  readonly refused: (code: RefusalCode) => void;
}

/** Clients of this connection may come in without a token in a header. */
export const entersByConvention = ({ credential }: HttpConnectionConfig): boolean => credential.type === 'google' || credential.type === 'aws';

/** How clients come in that show no token in a header: by the conventions of the cloud whose API they speak. */
export class Entrance {
  readonly #aws: AwsClients;
  readonly #kept: KeptBytes;

  constructor(kept: KeptBytes) {
    this.#aws = new AwsClients({ kept });
    this.#kept = kept;
  }

  /** Undefined: it shows who it is as everybody does. `answered`: that is all of it. */
  async enter(client: ClientStream, connection: HttpConnectionConfig, { path, open, refused }: EntranceParts): Promise<Signed | 'answered' | undefined> {
    const { head } = client;
    const counted = (code: RefusalCode | undefined): 'answered' => {
      if (code !== undefined) refused(code);
      return 'answered';
    };
    if (connection.credential.type === 'google' && asksForToken(head, path)) return counted(await exchangeToken(client, this.#kept, open));
    if (connection.credential.type !== 'aws') return undefined;
    const claim = this.#aws.claimOf(head);
    if (claim === undefined) return this.#aws.asksForKeys(head, path) ? counted(await this.#aws.issue(client, open)) : undefined;
    const refusedAs = (why: AwsRefusal): 'answered' => {
      refuseSigned(client, why);
      return counted('unauthenticated');
    };
    if (isAwsRefusal(claim)) return refusedAs(claim);
    const entered = await this.#aws.authenticate(client, claim, connection);
    if (entered === 'gone') {
      client.cut();
      return 'answered';
    }
    if (isAwsRefusal(entered)) return refusedAs(entered);
    return { ...entered, dialect: dialectOf(head), forget: () => this.#aws.forget(claim.accessKeyId) };
  }
}
