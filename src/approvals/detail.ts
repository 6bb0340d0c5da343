import type { ApprovalDemand, Bound, CoveredData } from '../model/approval.ts';
import type { Effect } from '../model/command.ts';
import type { Person } from '../model/person.ts';
import { standsFor } from '../model/stands-for.ts';
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
  readonly data?: CoveredData;
  readonly notCovered?: string;
  readonly inTransaction: boolean;
  readonly rows?: number;
  readonly maxRows?: number;
  readonly estimatedRows?: number | null;
  readonly liftsRowLimit?: number;
}

/** Who answered and why, sealed at rest. */
export interface AnswerDetail {
  readonly person: Person;
  readonly reason: string;
}

/** Most characters of a text that people can be asked about: they are shown all of it. */
const LONGEST_TEXT = 1_000_000;
/** Of a bound value so much is shown, and how much more there is; the digest covers all of it. */
const LONGEST_VALUE = 16_384;
const MOST_VALUES = 2_000;
const MOST_EFFECTS = 500;

const cut = (text: string, most: number): string => {
  if (text.length <= most) return text;
  // Never half of a surrogate pair.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)} ... (${text.length - end} characters more)`;
};

/** What people are shown of a request, bounded. */
export function detailOf({ session, command, decision, bound, place, rows, maxRows, liftsRowLimit }: Ask): RequestDetail {
  const { parameters } = command;
  return {
    text: shownText(command.recorded, bound),
    ...(parameters === undefined || parameters.length === 0 ? {} : { parameters: shownValues(parameters) }),
    protocol: command.protocol,
    verb: command.verb,
    effects: shownEffects(command.effects),
    reason: decision.reason,
    demand: decision.approval,
    owner: session.principal.owner,
    askers: [askerOf(session.principal)],
    ...(bound.data === undefined ? {} : { data: bound.data }),
    ...(bound.notCovered === undefined ? {} : { notCovered: bound.notCovered }),
    ...(bound.estimatedRows === undefined ? {} : { estimatedRows: bound.estimatedRows }),
    inTransaction: place !== 'free',
    ...(rows === undefined ? {} : { rows }),
    ...(maxRows === undefined ? {} : { maxRows }),
    ...(liftsRowLimit === undefined ? {} : { liftsRowLimit }),
  };
}

/** What names stand for comes first. */
function shownText(recorded: string, { standsFor: names = [], shown }: Pick<Bound, 'standsFor' | 'shown'>): string {
  return [...names.map(({ name, recorded: text }) => standsFor(name, text)), recorded, ...(shown === undefined ? [] : ['\n', shown])].join('');
}

/**
 * Why people cannot be asked, if so: they must be able to see all of what they approve. The part that is cut off would be the part that
 * does harm.
 */
export function unshowable({ command, bound }: Pick<Ask, 'command' | 'bound'>): string | undefined {
  const { length } = shownText(command.recorded, bound);
  if (length > LONGEST_TEXT) return `its text has ${length} characters, and people who approve it would be shown ${LONGEST_TEXT}`;
  if ((command.parameters?.length ?? 0) > MOST_VALUES) return `it binds ${command.parameters?.length} values, and people who approve it would be shown ${MOST_VALUES}`;
  return undefined;
}

function shownEffects(effects: readonly Effect[]): ApprovalView['effects'] {
  const shown = effects.slice(0, MOST_EFFECTS).map(shownEffect);
  return effects.length > MOST_EFFECTS ? [...shown, { class: 'unknown', verb: `and ${effects.length - MOST_EFFECTS} more` }] : shown;
}

function shownValues(values: readonly (string | null)[]): (string | null)[] {
  return values.map((value) => (value === null ? null : cut(value, LONGEST_VALUE)));
}

function shownEffect(effect: Effect): ApprovalView['effects'][number] {
  const { object } = effect;
  const name = object === undefined ? undefined : object.known === true ? `${object.kind}:${object.schema === undefined ? '' : `${object.schema}.`}${object.name}` : object.kind;
  return { class: effect.class, verb: effect.verb, ...(name === undefined ? {} : { object: name }) };
}

export const packed = (detail: RequestDetail | AnswerDetail): Uint8Array => Buffer.from(JSON.stringify(detail), 'utf8');

/** What `packed` gave. The seal has vouched for the bytes. */
export const unpacked = <Detail extends RequestDetail | AnswerDetail>(bytes: Uint8Array): Detail => JSON.parse(Buffer.from(bytes).toString('utf8')) as Detail;
