import type { Command, Effect, Timing } from '../../model/command.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { Lineage, Operand, StatementFacts } from '../../sql/facts.ts';
import { NOT_IN_CATALOG } from '../../sql/postgres/relations.ts';
import { statementSummary } from '../../sql/postgres/summary.ts';
import type { Literal, Understood, UnderstoodStatement } from '../../sql/understand.ts';

/** From understood text to the Command that the pipeline judges. Pure. */

const ORDER: readonly Timing[] = ['read', 'transactional', 'commits', 'immediate'];
const later = (a: Timing, b: Timing): Timing => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

/** What EXECUTE and FETCH stand for: the names that the session has defined. */
export interface NamedStatements {
  prepared(name: string): StatementFacts | undefined;
  cursor(name: string): StatementFacts | undefined;
}

const NO_STATEMENT = 'EXECUTE of a statement that was not prepared through the gateway';
const NO_CURSOR = 'FETCH from a cursor that was not opened through the gateway';
const NOT_PREPARABLE = 'EXECUTE or FETCH of what is no SELECT, INSERT, UPDATE, DELETE or MERGE';

/**
 * What PREPARE and DECLARE take. By the protocol anything can be prepared and bound, and the server then executes it by SQL as well: statements
 * that define or drop names, or that name others, whose meaning would not be known any more.
 */
const PREPARABLE: ReadonlySet<string> = new Set(['select', 'select_into', 'insert', 'update', 'delete', 'merge']);

const unknownName = (facts: StatementFacts, why: string): StatementFacts => ({
  ...facts,
  effects: [...facts.effects, { class: 'unknown', verb: facts.tag, why }],
  lineage: { understood: false, why, uses: [], operands: [] },
});

const NO_MEANINGS: readonly StatementFacts[] = [];

const meaningsOf = ({ otherMeanings }: StatementFacts): readonly StatementFacts[] => otherMeanings ?? NO_MEANINGS;

/** The statement with what stands `at` places further back for its names; where there is less, with the last of it. */
const meaningBehind = (facts: StatementFacts, at: number): StatementFacts => meaningsOf(facts)[at] ?? meaningsOf(facts).at(-1) ?? facts;

/** Whether a name in the message has a second meaning: asked of each message. */
export const hasOtherMeanings = ({ statements }: Understood): boolean => {
  for (const { facts } of statements) if (facts.otherMeanings !== undefined) return true;
  return false;
};

/** The message as everything that it could come to be while it waits at the target: names without a schema can come to mean what stands behind what they mean now. */
export const otherMeanings = (understood: Understood): readonly Understood[] => {
  const { statements } = understood;
  const count = statements.reduce((most, { facts }) => Math.max(most, meaningsOf(facts).length), 0);
  return Array.from({ length: count }, (_, at) => ({
    unparsed: understood.unparsed,
    literals: understood.literals,
    statements: statements.map((statement) => ({ ...statement, facts: meaningBehind(statement.facts, at) })),
  }));
};

const stoodFor = new WeakMap<StatementFacts, WeakMap<StatementFacts, StatementFacts>>();

/** EXECUTE and FETCH give the client what the inner statement gives; anything else (CREATE TABLE AS EXECUTE, EXPLAIN) does something with it. */
const STANDS: ReadonlySet<string> = new Set(['execute', 'fetch', 'move']);

/** Where values come from and go to in both together. */
const combinedLineage = (outer: StatementFacts, inner: StatementFacts): Lineage => {
  const stands = STANDS.has(outer.tag);
  const flowing = stands ? [] : (inner.lineage.outputs ?? []).flatMap(({ sources }) => sources.map((column) => ({ column, role: 'derive' as const })));
  const outputs = stands ? inner.lineage.outputs : outer.lineage.outputs;
  const notUnderstood = [outer, inner].find((facts, index) => !facts.lineage.understood && !(index === 0 && stands));
  return {
    ...inner.lineage,
    understood: notUnderstood === undefined,
    ...(notUnderstood?.lineage.why === undefined ? {} : { why: notUnderstood.lineage.why }),
    ...(outputs === undefined ? {} : { outputs }),
    ...(outer.lineage.measured ? { measured: true as const } : {}),
    uses: [...outer.lineage.uses, ...inner.lineage.uses, ...flowing],
    operands: [...outer.lineage.operands, ...inner.lineage.operands],
  };
};

/** The outer statement with everything that the inner one does. Cached, so that equal pairs keep one identity for policy. */
const combined = (outer: StatementFacts, inner: StatementFacts): StatementFacts => {
  let byInner = stoodFor.get(outer);
  if (!byInner) stoodFor.set(outer, (byInner = new WeakMap()));
  let facts = byInner.get(inner);
  if (!facts) {
    // It stands for the inner one from here on, so it has no name of its own to be looked up again.
    const { named: _, ...statement } = inner;
    facts = {
      ...statement,
      tag: outer.tag,
      effects: [...outer.effects, ...inner.effects],
      timing: later(outer.timing, inner.timing),
      changesCatalog: outer.changesCatalog || inner.changesCatalog,
      settings: [...outer.settings, ...inner.settings],
      lineage: combinedLineage(outer, inner),
      ...combinedMeanings(outer, inner),
    };
    byInner.set(inner, facts);
  }
  return facts;
};

/** CREATE TABLE AS EXECUTE can have names in both. */
const combinedMeanings = (outer: StatementFacts, inner: StatementFacts): Pick<StatementFacts, 'otherMeanings'> => {
  const [ofOuter, ofInner] = [meaningsOf(outer), meaningsOf(inner)];
  const count = Math.max(ofOuter.length, ofInner.length);
  return count === 0 ? {} : { otherMeanings: Array.from({ length: count }, (_, at) => combined(meaningBehind(outer, at), meaningBehind(inner, at))) };
};

/** What EXECUTE and FETCH name that nobody has defined through the gateway: the kind of the first one. */
export const undefinedName = (understood: Understood): 'prepared' | 'cursor' | undefined => {
  for (const { facts } of understood.statements) {
    const missing = facts.effects.find(({ why }) => why === NO_STATEMENT || why === NO_CURSOR);
    if (missing) return missing.why === NO_STATEMENT ? 'prepared' : 'cursor';
  }
  return undefined;
};

/** Ordinals of the literals that stand in a statement. A message may have as many statements as literals, so that not all are looked at for each. */
const ordinalsWithin = (literals: readonly Literal[], { start, end }: UnderstoodStatement): readonly number[] => {
  let [from, until] = [0, literals.length];
  while (from < until) {
    const middle = (from + until) >> 1;
    if ((literals[middle] as Literal).start < start) from = middle + 1;
    else until = middle;
  }
  const ordinals: number[] = [];
  for (let at = from; at < literals.length && (literals[at] as Literal).start < end; at++) ordinals.push(at);
  return ordinals;
};

/** Most operands that the arguments of one EXECUTE add to the statement inside: each argument can be made of many literals, and each parameter meet many columns. */
const MOST_OPERANDS = 400_000;

/** Literals of EXECUTE's arguments meet whatever the parameters of the statement inside meet: each its own where that is known, else all. */
const withArguments = (facts: StatementFacts, statement: UnderstoodStatement, understood: Understood): StatementFacts => {
  const meets = facts.lineage.operands.filter(({ kind, column, role }) => kind === 'parameter' && (column !== undefined || role === 'secret'));
  if (meets.length === 0) return facts;
  const given = statement.facts.lineage.arguments?.map((atoms) => atoms.flatMap(({ kind, index }) => (kind === 'literal' ? [index] : [])));
  const all = given ? [] : ordinalsWithin(understood.literals, statement);
  const ordinalsFor = ({ index }: Operand): readonly number[] => (given ? (given[index - 1] ?? []) : all);
  const count = meets.reduce((sum, operand) => sum + ordinalsFor(operand).length, 0);
  if (count === 0) return facts;
  if (count > MOST_OPERANDS) return unknownName(facts, 'too many literals meet columns');
  const operands = meets.flatMap((operand) => ordinalsFor(operand).map((index) => ({ ...operand, kind: 'literal' as const, index })));
  return { ...facts, lineage: { ...facts.lineage, operands: [...facts.lineage.operands, ...operands] } };
};

/** The same for what the statement inside can come to mean. */
const withArgumentsInAll = (facts: StatementFacts, statement: UnderstoodStatement, understood: Understood): StatementFacts => {
  const own = withArguments(facts, statement, understood);
  return facts.otherMeanings ? { ...own, otherMeanings: facts.otherMeanings.map((other) => withArguments(other, statement, understood)) } : own;
};

/**
 * Replaces EXECUTE, FETCH and the like by what they stand for, in the order of the message: a PREPARE earlier in the same
 * message counts. A name that nobody defined through the gateway is unknown, and so is what SQL could not have given a name to.
 */
export const resolveNamed = (understood: Understood, names: NamedStatements): Understood => {
  if (understood.statements.every(({ facts }) => facts.named === undefined)) return understood;
  const prepared = new Map<string, StatementFacts>();
  const cursors = new Map<string, StatementFacts>();
  const statements = understood.statements.map((statement) => {
    const { facts } = statement;
    const { named } = facts;
    if (!named) return statement;
    const name = named.name ?? '';
    switch (named.kind) {
      case 'prepare':
        if (named.inner) prepared.set(name, named.inner);
        return statement;
      case 'declare':
        if (named.inner) cursors.set(name, named.inner);
        return statement;
      case 'execute': {
        const inner = prepared.get(name) ?? names.prepared(name);
        if (!inner || !PREPARABLE.has(inner.tag)) return { ...statement, facts: unknownName(facts, inner ? NOT_PREPARABLE : NO_STATEMENT) };
        return { ...statement, facts: withArgumentsInAll(combined(facts, inner), statement, understood) };
      }
      case 'fetch': {
        const inner = cursors.get(name) ?? names.cursor(name);
        if (!inner || !PREPARABLE.has(inner.tag)) return { ...statement, facts: unknownName(facts, inner ? NOT_PREPARABLE : NO_CURSOR) };
        return { ...statement, facts: combined(facts, inner) };
      }
      case 'deallocate':
      case 'close':
        return statement;
    }
  });
  return {
    statements,
    unparsed: understood.unparsed,
    ...(understood.invalid ? { invalid: understood.invalid } : {}),
    // Worked out when somebody asks.
    get literals() {
      return understood.literals;
    },
  };
};

const relationNames = new WeakMap<Catalog, ReadonlySet<string>>();

const catalogNames = (catalog: Catalog): ReadonlySet<string> => {
  let names = relationNames.get(catalog);
  if (!names) {
    names = new Set([...catalog.relations.map(({ schema, name }) => `${schema}.${name}`), ...catalog.functions.map(({ schema, name }) => `${schema}.${name}`)]);
    relationNames.set(catalog, names);
  }
  return names;
};

/** What names mean cannot be read before this has to be decided: nothing of it is taken as understood. */
export const undecidable = (understood: Understood): Understood => ({
  unparsed: understood.unparsed,
  ...(understood.invalid ? { invalid: understood.invalid } : {}),
  literals: understood.literals,
  statements: understood.statements.map((statement) => ({ ...statement, facts: unknownName(statement.facts, 'what names mean here is not known before Sync') })),
});

/** The target had nothing of this name when its catalog was read. */
const isMissing = ({ class: granted, why, object }: Effect): boolean => granted === 'unknown' && why === NOT_IN_CATALOG && object !== undefined;

/** Whether understanding rests on something that the catalog does not have: it may have come to be a moment ago. */
export const namesMissing = (understood: Understood): boolean => understood.statements.some(({ facts }) => facts.effects.some(isMissing));

/** By the catalog's id: facts are kept for long, and would keep each catalog that there ever was. */
const marked = new WeakMap<StatementFacts, { readonly catalog: string; readonly effects: readonly Effect[] }>();

/** The effects with each object marked by whether the catalog has it. */
const effectsOf = (facts: StatementFacts, catalog: Catalog): readonly Effect[] => {
  const cached = marked.get(facts);
  if (cached?.catalog === catalog.id) return cached.effects;
  const names = catalogNames(catalog);
  const effects = facts.effects.map((effect): Effect => {
    const { object } = effect;
    if (isMissing(effect)) return { ...effect, missing: true };
    const known = object?.schema !== undefined && names.has(`${object.schema}.${object.name}`);
    return known ? { ...effect, object: { ...object, known } } : effect;
  });
  marked.set(facts, { catalog: catalog.id, effects });
  return effects;
};

export interface CommandText {
  readonly understood: Understood;
  readonly catalog: Catalog;
  /** Recorded form of the text, and of the values when it has some. */
  readonly recorded: string;
  /** The same in UTF-8, where it is kept. */
  readonly recordedBytes?: Uint8Array | undefined;
  readonly parameters?: readonly (string | null)[];
  /** Bytes of the original message text. */
  readonly bytes: number;
}

/** The Command of one message. */
export const commandOf = ({ understood, catalog, recorded, recordedBytes, parameters, bytes }: CommandText): Command => {
  const { statements } = understood;
  const only = statements.length === 1 ? statements[0]?.facts : undefined;
  const command: Command = {
    protocol: 'postgres',
    verb: only ? only.tag : statements.length === 0 ? 'empty' : 'multiple',
    effects: only ? effectsOf(only, catalog) : statements.flatMap(({ facts }) => effectsOf(facts, catalog)),
    timing: only ? only.timing : statements.reduce<Timing>((timing, { facts }) => later(timing, facts.timing), 'read'),
    facts: only ? summaryOf(only) : { statements: statements.length },
    recorded,
    recordedBytes,
    bytes,
  };
  return parameters === undefined || parameters.length === 0 ? command : withParameters(command, parameters);
};

const withParameters = ({ protocol, verb, effects, timing, facts, recorded, recordedBytes, bytes }: Command, parameters: readonly (string | null)[]): Command => ({ protocol, verb, effects, timing, facts, recorded, recordedBytes, parameters, bytes });

const summaries = new WeakMap<StatementFacts, Command['facts']>();

const summaryOf = (facts: StatementFacts): Command['facts'] => {
  let summary = summaries.get(facts);
  if (!summary) summaries.set(facts, (summary = statementSummary(facts)));
  return summary;
};

/**
 * Whether a simple Query must wait for its durable intent before it is sent: anything that commits by itself or at once,
 * and any change when the message could end with a commit.
 */
export const waitsBeforeForward = (understood: Understood, inBlock: boolean): boolean => {
  let changes = false;
  let control = false;
  for (const { facts } of understood.statements) {
    if (facts.timing === 'commits' || facts.timing === 'immediate') return true;
    if (facts.timing !== 'read') changes = true;
    if (facts.transaction !== 'none' && facts.transaction !== 'begin' && facts.transaction !== 'savepoint') control = true;
  }
  return changes && (!inBlock || control);
};
