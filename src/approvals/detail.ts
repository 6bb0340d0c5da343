import type { ApprovalDemand } from '../model/approval.ts';
import type { Effect } from '../model/command.ts';
import type { Person } from '../model/person.ts';
import type { Ask, ApprovalView } from './approvals.ts';
import { askerOf } from './duties.ts';
import type { Asker } from './duties.ts';

/** What a request says, sealed at rest: all that came from a client or names people. */
export interface RequestDetail {
  readonly text: string;
  readonly parameters?: readonly (string | null)[];
  readonly protocol: string;
  readonly verb: string;
  readonly effects: ApprovalView['effects'];
  readonly reason: string;
  readonly demand: ApprovalDemand;
  readonly owner: ApprovalView['owner'];
  /** Everybody on whose behalf it was sent, the first one first. */
  readonly askers: readonly Asker[];
  readonly notCovered?: string;
  readonly inTransaction: boolean;
  readonly rows?: number;
  readonly maxRows?: number;
}

/** Who answered and why, sealed at rest. */
export interface AnswerDetail {
  readonly person: Person;
  readonly reason: string;
}

/** Characters of a text that people are shown; the digest covers all of it. */
const LONGEST_TEXT = 1_000_000;
const LONGEST_VALUE = 16_384;
const MOST_VALUES = 2_000;
const MOST_EFFECTS = 64;

const cut = (text: string, most: number): string => {
  if (text.length <= most) return text;
  // Never half of a surrogate pair.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)} ... (${text.length - end} characters more)`;
};

export function detailOf({ session, command, decision, bound, place, rows, maxRows }: Ask): RequestDetail {
  const { parameters } = command;
  return {
    text: cut(command.recorded, LONGEST_TEXT),
    ...(parameters === undefined || parameters.length === 0 ? {} : { parameters: shownValues(parameters) }),
    protocol: command.protocol,
    verb: command.verb,
    effects: command.effects.slice(0, MOST_EFFECTS).map(shownEffect),
    reason: decision.reason,
    demand: decision.approval,
    owner: session.principal.owner,
    askers: [askerOf(session.principal)],
    ...(bound.notCovered === undefined ? {} : { notCovered: bound.notCovered }),
    inTransaction: place === 'transaction',
    ...(rows === undefined ? {} : { rows }),
    ...(maxRows === undefined ? {} : { maxRows }),
  };
}

function shownValues(values: readonly (string | null)[]): (string | null)[] {
  const shown = values.slice(0, MOST_VALUES).map((value) => (value === null ? null : cut(value, LONGEST_VALUE)));
  if (values.length > MOST_VALUES) shown.push(`... (${values.length - MOST_VALUES} values more)`);
  return shown;
}

function shownEffect(effect: Effect): ApprovalView['effects'][number] {
  const { object } = effect;
  const name = object === undefined ? undefined : object.known === true ? `${object.kind}:${object.schema === undefined ? '' : `${object.schema}.`}${object.name}` : object.kind;
  return { class: effect.class, verb: effect.verb, ...(name === undefined ? {} : { object: name }) };
}

export const packed = (detail: RequestDetail | AnswerDetail): Uint8Array => Buffer.from(JSON.stringify(detail), 'utf8');

/** What `packed` gave. The seal has vouched for the bytes. */
export const unpacked = <Detail extends RequestDetail | AnswerDetail>(bytes: Uint8Array): Detail => JSON.parse(Buffer.from(bytes).toString('utf8')) as Detail;
