import type { Bound, BoundValue } from '../../model/approval.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Link } from './link.ts';
import type { Bind } from './messages.ts';

/**
 * What the target says of the session that changes what a statement means or does: who it runs as, where, and every setting that the
 * session itself has set. One row each.
 */
export const CONTEXT = `SELECT 'current_user', current_user::text UNION ALL SELECT 'session_user', session_user::text
 UNION ALL SELECT 'current_database', pg_catalog.current_database()::text
 UNION ALL SELECT 'setting ' || name, setting FROM pg_catalog.pg_settings WHERE source IN ('session', 'client') AND name <> 'application_name'`;

/** Settings that applications make up are in no view: each is asked for by name. */
export const customSetting = (name: string): string => `UNION ALL SELECT 'setting ${name}', pg_catalog.current_setting('${name}', true)`;

/** Names that applications make up for settings, as the server takes them unquoted. */
export const CUSTOM_NAME = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/;

export type SessionContext = Readonly<Record<string, string | null>>;

export const contextOf = (rows: readonly (readonly (string | null)[])[]): SessionContext => Object.fromEntries(rows.map(([name, value]) => [name ?? '', value ?? null]).sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)) as [string, string | null][]);

/** One message as it came. */
export interface Message {
  readonly text: Buffer;
  readonly understood: Understood;
  /** Of the extended protocol: what is bound, and the types that the client declared. */
  readonly bind?: { readonly message: Bind; readonly types: readonly number[] };
}

/** What EXECUTE and FETCH name: the text behind the name is a part of what runs. */
const namedTexts = (link: Link, understood: Understood): readonly { readonly name: string; readonly text: Buffer }[] => {
  const texts: { name: string; text: Buffer }[] = [];
  for (const { facts: { named } } of understood.statements) {
    if (named?.kind !== 'execute' && named?.kind !== 'fetch') continue;
    const name = named.name ?? '';
    const text = named.kind === 'execute' ? link.prepared.get(name)?.text : link.portals.get(name)?.text;
    // Made earlier in the same message: its text is a part of that.
    if (text) texts.push({ name, text });
  }
  return texts;
};

/** What an approval of this message is bound to. `outer` is the message before EXECUTE and FETCH were put in their place. */
export const boundOf = (link: Link, session: { readonly context: SessionContext; readonly searchPath: readonly string[] }, { text, understood, bind }: Message, inTransaction: boolean): Bound => {
  const named = namedTexts(link, understood);
  const context: Record<string, BoundValue> = {
    protocol: bind ? 'extended' : 'simple',
    session: session.context,
    searchPath: session.searchPath,
    inTransaction,
    named: named.map(({ name }) => name),
    ...(bind ? { formats: bind.message.formats, types: bind.types, values: bind.message.values.length } : {}),
  };
  const copies = understood.statements.some(({ facts }) => facts.copy?.direction === 'in');
  return {
    context,
    parts: [text, ...named.map((one) => one.text), ...(bind ? bind.message.values : [])],
    ...(copies ? { notCovered: 'the rows that COPY brings: they come after the approval and are not known yet' } : {}),
  };
};
