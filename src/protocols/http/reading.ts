import { readTarget, type ReadTarget } from '../../apis/path.ts';
import type { Config, HttpConnectionConfig } from '../../config/resolved.ts';
import type { CertificateCredential, Peer } from '../../model/principal.ts';
import { readAsking, type Asking, type Tunnel } from './asking.ts';
import { sectionFacts, type SectionFacts } from './commands.ts';
import { tokenOf, type Shown } from './credentials.ts';
import type { RequestHead } from './head.ts';
import { MOST_KEPT, type HeaderSection } from './header-section.ts';
import type { ReadRequest } from './read-request.ts';
import { SentFields } from './sent-fields.ts';
import type { HttpSession } from './session.ts';
import type { Target } from './targets.ts';

/** Most addresses that are kept of a connection, and the weight of one and of all: thousands of connections may rest. */
const MOST_ADDRESSES = 32;
const HEAVIEST_ADDRESS = 2_048;
const MOST_WEIGHT = 16 * 1024;
/** What a segment or a parameter weighs beside its characters: it costs objects of its own, wherever it is read. */
const PART_WEIGHT = 64;

/** Of an address, in characters. */
const weightOf = (address: string, { segments, rawQuery }: ReadTarget): number => address.length + PART_WEIGHT * (segments.length + rawQuery.split('&').length);

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
  /** What the header section of its last request was read as. */
  last?: SectionReading;
}

/** What the head of a request says of where it goes and who asks, under one configuration. */
export interface Reading {
  /** What follows from its header section alone. */
  readonly of: SectionReading;
  /** By a reading that only serves to find the connection; what is sent and judged is read behind it, by the connection's own rules. */
  readonly named: ReadTarget;
  readonly asking: Asking;
  /** The token that it shows itself, once that was looked for. */
  shown?: Shown;
  /** What it was read as for its session: of use again while all holds that it was made from. */
  request?: ReadRequest;
}

/** What a header section says of who asks, and how its requests are judged and sent, under one configuration: the same for every address that is asked for with it. */
class SectionReading {
  readonly section: HeaderSection;
  readonly config: Config;
  readonly #visitor: Visitor;
  readonly #offered: readonly HttpConnectionConfig[];
  /** Without a reading: it came once, and may never come again. */
  readonly #addresses = new Map<string, { readonly weight: number; readonly reading?: Reading }>();
  #weight = 0;
  #token: Shown | undefined;
  /** The session that was opened with what it shows, and for what it was. */
  #session: { readonly session: HttpSession; readonly connection: HttpConnectionConfig; readonly by: string } | undefined;
  #facts: SectionFacts | undefined;
  #sending: SentFields | undefined;

  constructor(section: HeaderSection, config: Config, visitor: Visitor) {
    this.section = section;
    this.config = config;
    this.#visitor = visitor;
    this.#offered = visitor.offered();
  }

  /** Where a request of it goes; or what it was read as before. */
  read(head: RequestHead): Reading | { readonly refused: string } {
    const address = `${head.method} ${head.absolute ?? ''} ${head.target}`;
    const known = this.#addresses.get(address)?.reading;
    if (known) return known;
    const named = readTarget(head.target, () => true);
    if ('refused' in named) return named;
    const { peer, tunnel, certificate } = this.#visitor;
    const asking = readAsking(head, named.path, { offered: this.#offered, tls: peer.tls, tunnel, certificate, providers: this.config.identityProviders });
    const reading = { of: this, named, asking };
    const weight = weightOf(address, named);
    if (weight <= HEAVIEST_ADDRESS) this.#keep(address, weight, reading);
    return reading;
  }

  /** The token that it shows, wherever it goes. */
  get token(): Shown {
    return (this.#token ??= tokenOf(this.section));
  }

  get facts(): SectionFacts {
    return (this.#facts ??= sectionFacts(this.section));
  }

  /** How its fields are sent: as the last time, while all holds that they were made from. @param connection as it was when the head was read */
  sending(session: HttpSession, target: Target, connection: HttpConnectionConfig): SentFields {
    return this.#sending?.hold(session, target) === true ? this.#sending : (this.#sending = new SentFields(this.section, session, target, connection));
  }

  /** The session that was opened before with the same, for the same connection. */
  sessionFor({ connection, by }: Asking & { readonly kind: 'asking' }): HttpSession | undefined {
    const known = this.#session;
    return known?.connection === connection && known.by === by ? known.session : undefined;
  }

  opened(session: HttpSession, { connection, by }: Asking & { readonly kind: 'asking' }): void {
    this.#session = { session, connection, by };
  }

  #keep(address: string, weight: number, reading: Reading): void {
    const again = this.#addresses.has(address);
    this.#addresses.set(address, again ? { weight, reading } : { weight });
    if (again) return;
    this.#weight += weight;
    for (const [oldest, { weight: less }] of this.#addresses) {
      if (this.#addresses.size <= MOST_ADDRESSES && this.#weight <= MOST_WEIGHT) return;
      this.#addresses.delete(oldest);
      this.#weight -= less;
    }
  }
}

/** Reads it, as far as the last ones under the same configuration have not said it already. */
export const readingOf = (head: RequestHead, config: Config, visitor: Visitor): Reading | { readonly refused: string } => {
  const { last } = visitor;
  if (last?.section === head.section && last.config === config) return last.read(head);
  const reading = new SectionReading(head.section, config, visitor);
  if (head.section.bytes <= MOST_KEPT) visitor.last = reading;
  else delete visitor.last;
  return reading.read(head);
};
