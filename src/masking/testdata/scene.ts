import { loadModule, parseSync } from 'libpg-query';
import type { MaskConfig } from '../../config/resolved.ts';
import type { Catalog, Relation } from '../../sql/catalog.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import type { Ast } from '../../sql/postgres/ast.ts';
import { setsSecret } from '../../sql/postgres/session.ts';
import { lineageOf } from '../../sql/postgres/lineage/lineage.ts';
import { literalsOf, literalStarts } from '../../sql/postgres/literals.ts';
import type { Understood } from '../../sql/understand.ts';
import { compileMasks } from '../compile.ts';
import type { MaskSet } from '../plan.ts';
import type { ProtectionMemory } from '../protection-memory.ts';

/** A small catalog, and texts understood under it without a parser thread. */
export const columns = (...names: readonly (readonly [name: string, type: number])[]): Relation['columns'] => names.map(([name, type], at) => ({ name, number: at + 1, type, typmod: -1 }));

export const customers: Relation = { oid: 100, schema: 'public', name: 'customers', kind: 'r', columns: columns(['id', 23], ['name', 25], ['ssn', 25], ['pay', 1700], ['kind', 99_999]) };
export const notes: Relation = { oid: 101, schema: 'public', name: 'notes', kind: 'r', columns: columns(['id', 23], ['note', 25]) };

export const catalogOf = (...relations: readonly Relation[]): Catalog => ({ id: JSON.stringify(relations), serverVersion: 180004, database: 'shop', relations, functions: [], operators: [], types: [], casts: [] });
export const catalog: Catalog = catalogOf(customers, notes);

export const ready = loadModule;

interface Raw {
  readonly stmt?: object;
  readonly stmt_location?: number;
  readonly stmt_len?: number;
}

/** Facts of each statement: its lineage, its tag, and what it prepares or executes. */
export function understood(sql: string, under: Catalog = catalog): Understood {
  const text = Buffer.from(sql);
  const starts = literalStarts(text);
  const parse = (source: string): readonly Raw[] => (parseSync(source) as { readonly stmts: readonly Raw[] }).stmts;
  const factsOf = (raw: Raw): StatementFacts => {
    const kind = Object.keys(raw.stmt ?? {})[0] ?? '';
    const fields = (raw.stmt as Record<string, Record<string, unknown>>)[kind] ?? {};
    const tag = kind.replace(/Stmt$/, '').toLowerCase();
    const base = { tag, effects: [], timing: 'read', transaction: 'none', settings: [], changesCatalog: false, ...(setsSecret(raw.stmt as Ast) ? { hidesValue: true as const } : {}) } as const;
    const lineage = lineageOf(raw, { catalog: under, names: { searchPath: ['public'] }, text, literalAt: (offset) => starts.get(offset), parse });
    const inner = fields['query'] as object | undefined;
    if (tag === 'prepare' || tag === 'declarecursor') {
      const name = String(fields['name'] ?? fields['portalname']);
      return { ...base, lineage, named: { kind: tag === 'prepare' ? 'prepare' : 'declare', name, inner: factsOf({ ...raw, stmt: inner! }) } };
    }
    if (tag === 'execute') return { ...base, lineage, named: { kind: 'execute', name: String(fields['name']) } };
    if (tag === 'fetch') return { ...base, lineage, named: { kind: 'fetch', name: String(fields['portalname']) } };
    return { ...base, lineage };
  };
  const statements = parse(sql).map((raw) => {
    const start = raw.stmt_location ?? 0;
    return { facts: factsOf(raw), start, end: raw.stmt_len === undefined ? text.length : start + raw.stmt_len };
  });
  return { statements, literals: literalsOf(text), unparsed: false };
}

export const mask = (part: Partial<MaskConfig>): MaskConfig => ({ name: 'policy/0', columns: [], detect: [], fields: [], otherwise: 'refuse', mode: 'strict', transform: 'redact', origin: { file: 'test', line: 1 }, ...part });

export const maskSet = (masks: readonly Partial<MaskConfig>[], memory?: ProtectionMemory): MaskSet => compileMasks(masks.map(mask), { hash: Buffer.alloc(32, 7) }, memory);
