import { readTarget, type ReadTarget } from '../../apis/path.ts';
import type { Config, HttpConnectionConfig } from '../../config/resolved.ts';
import type { CertificateCredential, Peer } from '../../model/principal.ts';
import { readAsking, type Asking, type Tunnel } from './asking.ts';
import type { RequestHead } from './head.ts';
import type { ReadRequest } from './read-request.ts';
import type { HttpSession } from './session.ts';

/** Whoever comes on a connection: where from, to which connections, and whether somebody of it was ever known. */
export interface Visitor {
  readonly peer: Peer;
  /** What it showed when it opened TLS to the gateway. */
  readonly certificate: CertificateCredential | undefined;
  readonly offered: () => readonly HttpConnectionConfig[];
  readonly known: () => void;
  /** It came through the forward proxy. */
  readonly tunnel?: Tunnel & { readonly end: () => void };
  /** A request has come. */
  asked?: boolean;
  /** What its last request was read as. */
  last?: Reading;
}

/** What the head of a request says of where it goes and who asks, under one configuration. */
export interface Reading {
  readonly head: RequestHead;
  readonly config: Config;
  /** By a reading that only serves to find the connection; what is sent and judged is read behind it, by the connection's own rules. */
  readonly named: ReadTarget;
  readonly asking: Asking;
  /** Of whom it was, and as what it was read there: of use again while that session stands. */
  session?: HttpSession;
  request?: ReadRequest;
}

/** Reads it; or what the last one was read as, when it was the same head under the same configuration. */
export const readingOf = (head: RequestHead, config: Config, visitor: Visitor): Reading | { readonly refused: string } => {
  const { last, peer, certificate, offered, tunnel } = visitor;
  if (last?.head === head && last.config === config) return last;
  const named = readTarget(head.target, () => true);
  if ('refused' in named) return named;
  const asking = readAsking(head, named.path, { offered: offered(), tls: peer.tls, tunnel, certificate, providers: config.identityProviders });
  return (visitor.last = { head, config, named, asking });
};
