import type { Housekeeping } from '../../pipeline/gate.ts';
import type { Permit } from '../../pipeline/permits.ts';
import type { Answer } from './answer.ts';
import { decodeBackend } from './decode.ts';
import { toServer } from './encode.ts';
import { field, SqlState } from './errors.ts';
import { Frame } from './frames.ts';
import type { Link, Owed } from './link.ts';
import type { Format } from './messages.ts';
import { RESERVED } from './namespace.ts';
import type { ExpectedKind } from './state.ts';

/** Most bytes that one look-up may bring. */
const MOST_BYTES = 64 * 1024 * 1024;

const NAME = `${RESERVED}own`;

/** One statement of the gateway's own. */
export interface OwnStatement {
  readonly sql: string;
  readonly types?: readonly number[];
  readonly formats?: readonly Format[];
  readonly values?: readonly (Uint8Array | null)[];
  /** It is not run: what is wanted are the types of its parameters. */
  readonly describe?: true;
}

/** What the target answered to one statement. */
export interface OwnAnswer {
  readonly rows: (string | null)[][];
  /** Types of its parameters, when it was only described. */
  types: readonly number[];
}

/** The target did not do a statement of the gateway's own. */
class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
  readonly sqlState: string | undefined;

  constructor(what: Housekeeping, sqlState: string | undefined) {
    super(`the target refused a look-up of the gateway's own (${what})`);
    this.sqlState = sqlState;
  }
}

/** What the target says of a statement that took longer than the client's own `statement_timeout` lets any. */
const OUT_OF_TIME = 'canceling statement due to statement timeout';

/** A look-up failed because the target stopped it, in the words of the target: undefined when it failed in another way. */
export const stopped = (error: unknown): string | undefined => (error instanceof TargetRefused && error.sqlState === SqlState.query_canceled ? OUT_OF_TIME : undefined);

/** What to do with what the target owes for statements of the gateway's own. */
interface OwnReplies {
  readonly done?: (ok: boolean) => void;
  readonly showsError?: boolean;
  readonly capture?: (event: { readonly bytes: Buffer }, at: number) => void;
  /** Ends the series: what to do with its ReadyForQuery. Without it an error skips all that follows up to the client's Sync. */
  readonly sync?: Owed;
}

/**
 * Sends statements of the gateway's own, unseen by the client: extended protocol under reserved names, so that the client's unnamed statement
 * stays.
 */
export const sendOwn = (link: Link, permit: Permit, statements: readonly OwnStatement[], { capture, sync, ...replies }: OwnReplies): void => {
  const closeStatement = toServer.close('statement', NAME);
  const closePortal = toServer.close('portal', NAME);
  // Closed first as well: a look-up that failed before has left its statement behind, in a block its portal, too.
  const bytes = statements.flatMap(({ sql, types = [], formats = [], values = [], describe }) => [
    closePortal,
    closeStatement,
    toServer.parse(NAME, sql, types),
    ...(describe ? [toServer.describe('statement', NAME)] : [toServer.bind(NAME, NAME, formats, values), toServer.execute(NAME), closePortal]),
    closeStatement,
  ]);
  link.betweenMessages(() => {
    link.send(permit, Buffer.concat(sync ? [...bytes, toServer.sync] : bytes));
    for (const [at, { describe }] of statements.entries()) {
      const owe = (kind: ExpectedKind): void => link.owe({ kind, own: true, context: { ...replies, capture: (event) => capture?.(event, at) } });
      const kinds: readonly ExpectedKind[] = describe ? ['close', 'close', 'parse', 'describe_statement', 'close'] : ['close', 'close', 'parse', 'bind', 'execute', 'close', 'close'];
      for (const kind of kinds) owe(kind);
    }
    if (sync) link.owe({ kind: 'sync', own: true, context: sync });
    link.target.flush();
  });
};

/** Runs statements in the client's session, one behind the other. Only while the target owes nothing. Rejects when the target fails one. */
export const lookups = (link: Link, what: Housekeeping, statements: readonly OwnStatement[]): Promise<readonly OwnAnswer[]> =>
  new Promise((resolve, reject) => {
    // Its Sync would commit what the client has not.
    if (link.inImplicitBlock) return reject(new TargetRefused(what, undefined));
    const answers = statements.map((): OwnAnswer => ({ rows: [], types: [] }));
    let bytes = 0;
    let failed: TargetRefused | undefined;
    const capture = (event: { readonly bytes: Buffer }, at: number): void => {
      const answer = answers[at];
      if (!(event instanceof Frame) || !answer) return;
      bytes += event.bytes.length;
      if (bytes > MOST_BYTES) {
        failed ??= new TargetRefused(what, undefined);
        return;
      }
      const message = decodeBackend(event);
      if (message.kind === 'DataRow') answer.rows.push(message.values.map((value) => (value === null ? null : value.toString('utf8'))));
      else if (message.kind === 'ParameterDescription') answer.types = message.types;
      else if (message.kind === 'ErrorResponse') failed ??= new TargetRefused(what, field(message.fields, 'C'));
    };
    const done = (ok: boolean): void => {
      if (!ok) failed ??= new TargetRefused(what, undefined);
    };
    const over = (): void => (failed ? reject(failed) : resolve(answers));
    sendOwn(link, link.gated.housekeeping(what), statements, { capture, done, sync: { done: over } });
  });

/** The rows of one statement in the client's session. */
export const lookup = async (link: Link, what: Housekeeping, sql: string): Promise<(string | null)[][]> => (await lookups(link, what, [{ sql }]))[0]?.rows ?? [];

/** Rows are masked by what the target says of their columns, whether or not the client asked for it. Where it will not say, the execution behind it has failed. */
export const describeOwn = (link: Link, portal: string, answer: Answer): void => {
  link.owe({
    kind: 'describe_portal',
    own: true,
    context: {
      answer,
      showsError: true,
      capture: (event) => {
        const message = event instanceof Frame ? decodeBackend(event) : undefined;
        if (message?.kind === 'RowDescription') answer.describe(message.fields);
      },
    },
  });
  link.send(link.gated.housekeeping('describe'), toServer.describe('portal', portal));
};
