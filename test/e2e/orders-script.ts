import fc from 'fast-check';
import { BROKEN, NAMED, PLAIN, PLAYERS, PROTECTED, REFUSED, SETTINGS, TRANSACTIONS, WRITES, type Player, type Statement } from './orders-statements.ts';
import { say } from './wire.ts';

/* Orders of messages: made by chance, and written down for two servers. */

type Values = 'fit' | 'binary' | 'few' | 'many';
type Data = 'rows' | 'bad' | 'masked';

export type Message =
  | { readonly kind: 'query'; readonly statements: readonly Statement[] }
  | { readonly kind: 'parse'; readonly name: string; readonly statement: Statement }
  | { readonly kind: 'bind'; readonly portal: string; readonly name: string; readonly values: readonly string[]; readonly how: Values }
  | { readonly kind: 'describe' | 'close'; readonly what: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'execute'; readonly portal: string; readonly rows: number }
  | { readonly kind: 'copyData'; readonly data: Data }
  | { readonly kind: 'flush' | 'sync' | 'copyDone' | 'copyFail' | 'functionCall' };

/** Messages that leave together, cut at these places, and what comes behind them. */
export interface Segment {
  readonly messages: readonly Message[];
  /** In thousandths of its bytes. */
  readonly cuts: readonly number[];
  readonly pauseMs: number;
  readonly cancel: boolean;
}

export interface Script {
  readonly player: Player;
  readonly connection: 'shop' | 'sure';
  readonly minor: 0 | 2;
  readonly segments: readonly Segment[];
  readonly end: 'finished' | 'terminated' | 'cut';
}

const from = <Value>(values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);
const statement: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 6, arbitrary: from(PLAIN) },
  { weight: 4, arbitrary: from(TRANSACTIONS) },
  { weight: 4, arbitrary: from(NAMED) },
  { weight: 1, arbitrary: from(SETTINGS) },
  { weight: 5, arbitrary: from(WRITES) },
  { weight: 2, arbitrary: from(BROKEN) },
  { weight: 2, arbitrary: from(REFUSED) },
  { weight: 2, arbitrary: from(PROTECTED) },
);
const statementName = from(['', '', 's1', 's2']);
const portalName = from(['', '', 'p1', 'p2']);
const how = fc.oneof({ weight: 8, arbitrary: fc.constant<Values>('fit') }, { weight: 2, arbitrary: from<Values>(['binary', 'few', 'many']) });
const rows = from([0, 0, 1, 2]);
const only = (...kinds: readonly ('flush' | 'sync' | 'copyDone' | 'copyFail' | 'functionCall')[]): fc.Arbitrary<Message[]> => from(kinds).map((kind) => [{ kind }]);

const bound = fc.record({ statement, name: statementName, portal: portalName, how, rows, described: fc.boolean(), synced: fc.boolean() }).map(({ statement: one, name, portal, how: values, rows: most, described, synced }): Message[] => [
  { kind: 'parse', name, statement: one },
  { kind: 'bind', portal, name, values: one.values, how: values },
  ...(described ? [{ kind: 'describe', what: 'portal', name: portal } as const] : []),
  { kind: 'execute', portal, rows: most },
  ...(synced ? [{ kind: 'sync' } as const] : []),
]);
const data = fc.oneof({ weight: 8, arbitrary: fc.constant<Data>('rows') }, { weight: 1, arbitrary: fc.constant<Data>('bad') }, { weight: 1, arbitrary: fc.constant<Data>('masked') }).map((one): Message => ({ kind: 'copyData', data: one }));
const copied = fc.tuple(fc.array(data, { maxLength: 3 }), from(['copyDone', 'copyDone', 'copyFail'] as const)).map(([sent, kind]): Message[] => [...sent, { kind }]);

const messages: fc.Arbitrary<Message[]> = fc.oneof(
  { weight: 6, arbitrary: fc.array(statement, { minLength: 1, maxLength: 3, size: 'small' }).map((statements): Message[] => [{ kind: 'query', statements }]) },
  { weight: 8, arbitrary: bound },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('parse' as const), name: statementName, statement }).map((one): Message[] => [one]) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('bind' as const), portal: portalName, name: statementName, values: from([[], [], ['2'], ['x', '7']]), how }).map((one): Message[] => [one]) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('execute' as const), portal: portalName, rows }).map((one): Message[] => [one]) },
  { weight: 2, arbitrary: fc.record({ kind: from(['describe', 'close'] as const), what: from(['statement', 'portal'] as const), name: from(['', 's1', 'p1', 's2']) }).map((one): Message[] => [one]) },
  { weight: 3, arbitrary: only('sync') },
  { weight: 2, arbitrary: only('flush') },
  { weight: 3, arbitrary: copied },
  { weight: 1, arbitrary: fc.oneof(data.map((one) => [one]), only('copyDone', 'copyFail')) },
  { weight: 1, arbitrary: fc.oneof({ weight: 9, arbitrary: only('sync') }, { weight: 1, arbitrary: only('functionCall') }) },
);
const segment: fc.Arbitrary<Segment> = fc.record({
  messages: fc.array(messages, { minLength: 1, maxLength: 3 }).map((lists) => lists.flat()),
  cuts: fc.oneof({ weight: 3, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }) }),
  pauseMs: from([0, 0, 1, 4, 15]),
  cancel: fc.oneof({ weight: 60, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
export const scripts: fc.Arbitrary<Script> = fc.record({
  player: from(PLAYERS),
  connection: from(['shop', 'shop', 'sure'] as const),
  minor: from([0, 2] as const),
  segments: fc.array(segment, { minLength: 1, maxLength: 8 }),
  end: fc.oneof({ weight: 16, arbitrary: fc.constant('finished' as const) }, { weight: 1, arbitrary: from(['terminated', 'cut'] as const) }),
});

const allMessages = ({ segments }: Script): readonly Message[] => segments.flatMap((one) => one.messages);
/** Of chance beyond the messages: what comes back cannot be foretold. */
export const foretold = ({ segments, end }: Script): boolean => end === 'finished' && !segments.some(({ cancel }) => cancel);
export const brings = (script: Script): boolean => allMessages(script).some((message) => (message.kind === 'query' ? message.statements.some(({ copyIn }) => copyIn) : message.kind === 'parse' && message.statement.copyIn));
/** How many messages have a ReadyForQuery each, where nothing asks for rows. */
export const readies = (script: Script): number => allMessages(script).filter(({ kind }) => kind === 'query' || kind === 'sync' || kind === 'functionCall').length;

/** Every server would say this of the text in the place of one that the gateway refuses, and at the same moment. */
const NOT_THERE = 'SELECT refused FROM refused_here';
const BINARY = Buffer.from([0, 0, 0, 7]);
const DATA: Readonly<Record<Data, string>> = { rows: '6\tsix\n', bad: 'x,\ty\tz\n', masked: '9\t***\tm\n' };
const FUNCTION_CALL = Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);

/** A script as bytes, for the gateway or straight to a server. */
export class Writing {
  readonly #script: Script;
  readonly #id: number;
  readonly #direct: boolean;
  #count = 0;
  /** Marks of what was written, and of what no target may see. */
  readonly marks: string[] = [];
  readonly refused: string[] = [];
  /** The last rows may have made a COPY fail: whether other messages are still in it depends on who is faster. */
  #failing = false;

  constructor(script: Script, id: number, direct: boolean) {
    this.#script = script;
    this.#id = id;
    this.#direct = direct;
  }

  segment({ messages: list }: Segment): Buffer {
    return Buffer.concat(list.flatMap((message) => this.#message(message)));
  }

  /** What brings any session to where a Query is answered, and asks for `fin`. */
  end(): Buffer {
    return Buffer.concat([say.copyFail('over'), say.sync, say.query('ROLLBACK'), say.query("SELECT 'fin'")]);
  }

  #mark(refused: boolean): string {
    const mark = `w${this.#id}_${this.#count}w`;
    this.#count += 1;
    (refused ? this.refused : this.marks).push(mark);
    return mark;
  }

  #text(statements: readonly Statement[]): string {
    const { player } = this.#script;
    const broken = statements.some((one) => one.broken);
    const refused = !broken && statements.some((one) => one.refused.includes(player));
    // What a mask refuses is refused when it is bound: its Parse may come to the target.
    const parsed = refused && statements.some((one) => one.instead !== undefined);
    const text = statements.map(({ sql }) => (sql === '' ? '' : `${sql} /* ${this.#mark(refused && !parsed)} */`)).join('; ');
    if (!this.#direct || !refused) return text;
    const why = statements.filter((one) => one.refused.includes(player));
    return why.every(({ instead }) => instead !== undefined) ? (why[0]?.instead ?? NOT_THERE) : NOT_THERE;
  }

  #message(message: Message): Buffer[] {
    if (message.kind === 'sync' || message.kind === 'flush') return [this.#bytes(message)];
    const inCopy = message.kind === 'copyData' || message.kind === 'copyDone' || message.kind === 'copyFail';
    const closing = this.#failing && !inCopy ? [say.copyDone] : [];
    this.#failing = message.kind === 'copyData' && (this.#failing || message.data !== 'rows');
    return [...closing, this.#bytes(message)];
  }

  #bytes(message: Message): Buffer {
    switch (message.kind) {
      case 'query':
        return say.query(this.#text(message.statements));
      case 'parse':
        return say.parse(message.name, this.#text([message.statement]));
      case 'bind': {
        const values = message.values.map((value) => Buffer.from(value));
        const sent = message.how === 'few' ? values.slice(1) : message.how === 'many' ? [...values, Buffer.from('more')] : message.how === 'binary' ? values.map(() => BINARY) : values;
        return say.bind(message.portal, message.name, message.how === 'binary' ? [1] : [], sent, message.how === 'binary' ? [1] : []);
      }
      case 'describe':
        return say.describe(message.what, message.name);
      case 'close':
        return say.close(message.what, message.name);
      case 'execute':
        return say.execute(message.portal, message.rows);
      case 'copyData':
        return say.copyData(Buffer.from(DATA[message.data]));
      case 'copyFail':
        return say.copyFail('given up');
      case 'functionCall':
        return FUNCTION_CALL;
      default:
        return say[message.kind];
    }
  }
}

const words = (message: Message): string => {
  switch (message.kind) {
    case 'query':
      return `Query ${JSON.stringify(message.statements.map(({ sql }) => sql).join('; '))}`;
    case 'parse':
      return `Parse '${message.name}' ${JSON.stringify(message.statement.sql)}`;
    case 'bind':
      return `Bind '${message.portal}' of '${message.name}' (${message.values.join(',')}) ${message.how}`;
    case 'describe':
    case 'close':
      return `${message.kind} ${message.what} '${message.name}'`;
    case 'execute':
      return `Execute '${message.portal}' ${message.rows}`;
    case 'copyData':
      return `CopyData ${message.data}`;
    default:
      return message.kind;
  }
};

/** A script for people to read. */
export const described = ({ player, connection, minor, segments, end }: Script): string =>
  [`${player} on ${connection}, protocol 3.${minor}, ${end}`, ...segments.map((one) => `  ${one.messages.map(words).join(' | ')}${one.cuts.length > 0 ? ` cut ${one.cuts.join(',')}` : ''}${one.pauseMs > 0 ? ` pause ${one.pauseMs}` : ''}${one.cancel ? ' CANCEL' : ''}`)].join('\n');
