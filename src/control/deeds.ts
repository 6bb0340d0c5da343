import type { Config } from '../config/resolved.ts';
import { durably } from '../evidence/durably.ts';
import type { AccessRecord, Body, ControlRecord, EvidenceLog } from '../evidence/log.ts';
import { OWN_CONNECTION } from '../evidence/retention/steward.ts';
import type { Person } from '../model/person.ts';
import { Refused } from './api/refused.ts';
import { actorWords, channelOf, type Actor } from './sign-in/actor.ts';
import { groupsOfRole } from './sign-in/roles.ts';
import { ROLES } from './api/schema/me.ts';

/** What somebody is about to be shown. */
export interface View {
  readonly act: AccessRecord['act'];
  readonly recording?: string;
  readonly filters?: Readonly<Record<string, string>>;
  readonly count: number;
}

/** What somebody is about to change. */
export interface Change {
  readonly action: string;
  /** A name of the configuration, or an id of ours: it stands in the record in clear. */
  readonly target?: string;
  /** Their words: sealed. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/**
 * The way of everything that people and tokens do here: its record is durable before it takes effect or anything is shown; what cannot
 * be recorded is refused. Who it was stands sealed in the body, the record names provider and groups.
 */
export class Deeds {
  readonly #log: Pick<EvidenceLog, 'append'>;
  readonly #config: () => Config;

  constructor(log: Pick<EvidenceLog, 'append'>, config: () => Config) {
    this.#log = log;
    this.#config = config;
  }

  change(actor: Actor, { action, target, detail }: Change): Promise<void> {
    return this.#write({ kind: 'control', event: 'action', action, ...this.#by(actor), ...(target === undefined ? {} : { target }) }, whoIn(actor), detail);
  }

  view(actor: Actor, { act, recording, filters = {}, count }: View): Promise<void> {
    const names = Object.keys(filters).sort();
    const record: AccessRecord = { kind: 'access', act, by: actorWords(actor), channel: channelOf(actor), ...(recording === undefined ? {} : { recording }), ...(names.length === 0 ? {} : { filters: names }), count };
    return this.#write(record, whoIn(actor), names.length === 0 ? undefined : filters);
  }

  /** Somebody who is known tried to change what they may not. Nothing waits for it, since nothing follows. */
  refused(actor: Actor, action: string): void {
    this.#log.append({ kind: 'control', event: 'refused', action, ...this.#by(actor) }, [body(whoIn(actor))]);
  }

  signedIn(person: Person): Promise<void> {
    return this.#write({ kind: 'control', event: 'sign_in', by: 'person', channel: 'page', provider: person.provider, groups: this.#counting(person.groups) }, whoOf(person));
  }

  signedOut(person: Person): Promise<void> {
    return this.#write({ kind: 'control', event: 'sign_out', by: 'person', channel: 'page', provider: person.provider, groups: [] }, whoOf(person));
  }

  /** Who may act as the gateway's user asked for a link that makes the first administrator. */
  bootstrapLink(by: string): Promise<void> {
    return this.#write({ kind: 'control', event: 'bootstrap_link', by: 'command_line', channel: 'command_line' }, { name: by });
  }

  bootstrapped(person: Person): Promise<void> {
    return this.#write({ kind: 'control', event: 'bootstrap', by: 'person', channel: 'page', provider: person.provider, groups: [] }, whoOf(person));
  }

  #by(actor: Actor): Pick<ControlRecord, 'by' | 'channel' | 'provider' | 'groups' | 'token'> {
    const channel = channelOf(actor);
    return actor.kind === 'person' ? { by: 'person', channel, provider: actor.person.provider, groups: this.#counting(actor.person.groups) } : { by: 'token', channel, token: actor.id };
  }

  /** Those of somebody's groups that the configuration names for a role: others are the provider's words. */
  #counting(groups: readonly string[]): string[] {
    const config = this.#config();
    const named = new Set(ROLES.flatMap((role) => groupsOfRole(config, role)));
    return groups.filter((group) => named.has(group)).slice(0, MOST_GROUPS);
  }

  async #write(record: ControlRecord | AccessRecord, who: Who, detail?: Change['detail']): Promise<void> {
    try {
      await durably(this.#log.append(record, [body(who, detail)]));
    } catch (error) {
      throw new Refused(503, 'evidence', `not done, because it cannot be recorded: ${error instanceof Error ? error.message : 'unknown'}`);
    }
  }
}

const MOST_GROUPS = 50;

interface Who {
  readonly name: string;
  readonly issuer?: string;
  readonly subject?: string;
}

const whoOf = ({ name, issuer, subject }: Person): Who => ({ name, issuer, subject });
const whoIn = (actor: Actor): Who => (actor.kind === 'person' ? whoOf(actor.person) : { name: actor.name });

const body = (who: Who, detail?: Change['detail']): Body => ({ part: 'detail', connection: OWN_CONNECTION, bytes: Buffer.from(JSON.stringify({ ...who, ...(detail && { detail }) }), 'utf8') });
