import type { ObjectRef } from '../../model/command.ts';
import type { CopyFacts, NamedObject, TransactionControl } from '../facts.ts';
import type { Around } from './around.ts';
import { embedded, list, open, strings, text } from './ast.ts';
import type { Ast } from './ast.ts';
import * as attached from './attached.ts';
import { call } from './calls.ts';
import { copy, optionText, options } from './copying.ts';
import * as ddl from './definitions.ts';
import { Effects, later } from './effects.ts';
import { expression } from './expressions.ts';
import { define, kindWord, newObject, objectRef } from './objects.ts';
import { followView, made, query } from './query.ts';
import { namedObject, rangeOf, resolve, target, truncateCascade, writeRelation } from './relations.ts';
import { scopeIn } from './scope.ts';
import * as session from './session.ts';
import * as tables from './tables.ts';

/** What a statement is, besides the effects and settings that were noted on the way. */
export interface Kind {
  readonly tag: string;
  readonly transaction?: TransactionControl;
  readonly savepoint?: string;
  readonly named?: Omit<NamedObject, 'inner'> & { readonly inner?: Ast };
  readonly copy?: CopyFacts;
  readonly changesCatalog?: boolean;
}

type Handler = (around: Around, fields: Ast, node: Ast) => Kind;

const changes = (tag: string): Kind => ({ tag, changesCatalog: true });

/** A statement whose object is in a field, of a class that follows from the kind of object. */
const simple = (tag: string, verb: string, kind: string, name: string | ((fields: Ast) => string)): Handler => (around, fields) => {
  define(around, verb, { kind, name: typeof name === 'string' ? (text(fields, name) ?? '*') : name(fields) });
  return changes(tag);
};

/** A statement about a relation in a field. */
const onRelation = (tag: string, verb: string, field: string, kind = 'table'): Handler => (around, fields) => {
  define(around, verb, target(around, rangeOf(fields, field), kind));
  return changes(tag);
};

const onPolicy = (tag: string): Handler => (around, fields) => {
  ddl.policy(around, fields);
  return changes(tag);
};

/** A statement about an object whose qualified name is a list. */
const onName = (tag: string, verb: string, kind: string, field: string): Handler => (around, fields) => {
  define(around, verb, verb === 'create' ? newObject(around, kind, list(fields, field)) : objectRef(around, kind, { ObjectWithArgs: { objname: list(fields, field) } }));
  if (verb === 'create' && (kind === 'type' || kind === 'domain')) around.names.madeType(strings(list(fields, field)).at(-1) ?? '');
  return changes(tag);
};

/** A statement about an object whose kind the statement says. */
const onObject = (tag: string, verb: string, kindField: string): Handler => (around, fields) => {
  const kind = kindWord(fields[kindField]);
  const range = embedded(fields, 'relation');
  define(around, verb, range ? target(around, range, kind) : objectRef(around, kind, fields['object']));
  return changes(tag);
};

const admin = (tag: string, verb: string, kind: string, name: string = '*', why?: string): Handler => (around, fields) => {
  around.effects.add({ class: 'admin', verb, object: { kind, name: text(fields, name) ?? '*' }, ...(why === undefined ? {} : { why }) }, 'immediate');
  return changes(tag);
};

const roleName = (fields: Ast, field: string): string => {
  const role = embedded(fields, field);
  return (role && text(role, 'rolename')) ?? '*';
};

const writing = (tag: string): Handler => (around, _fields, node) => {
  query(around, node, undefined);
  return { tag };
};

/** The channel of LISTEN, UNLISTEN (`*`: all) and NOTIFY. */
const channel = (fields: Ast): ObjectRef => ({ kind: 'channel', name: text(fields, 'conditionname') ?? '*' });

/** As `newObject`, of a name that the grammar gives as a relation's. */
const newRelation = (around: Around, kind: string, range: Ast): ObjectRef => {
  const name = text(range, 'relname') ?? '';
  const schema = text(range, 'schemaname') ?? around.names.creation(range['relpersistence'] === 't');
  return schema === undefined ? { kind, name } : { kind, schema, name };
};

const commits = (around: Around): void => {
  around.effects.timing = later(around.effects.timing, 'commits');
};

const HANDLERS: Readonly<Record<string, Handler>> = {
  SelectStmt: (around, fields, node) => {
    query(around, node, undefined);
    return 'intoClause' in fields ? changes('select_into') : { tag: 'select' };
  },
  InsertStmt: writing('insert'),
  UpdateStmt: writing('update'),
  DeleteStmt: writing('delete'),
  MergeStmt: writing('merge'),
  TruncateStmt: (around, fields) => {
    for (const relation of list(fields, 'relations')) {
      const range = open(relation)[1];
      writeRelation(around, range, 'truncate');
      if (fields['behavior'] === 'DROP_CASCADE') truncateCascade(around, range);
    }
    return { tag: 'truncate' };
  },
  CopyStmt: (around, fields) => {
    const facts = copy(around, fields);
    return { tag: 'copy', ...(facts ? { copy: facts } : {}) };
  },
  CallStmt: (around, fields) => {
    const called = rangeOf(fields, 'funccall');
    const scope = scopeIn(undefined);
    call(around, called, scope);
    expression(around, list(called, 'args'), scope);
    commits(around);
    return changes('call');
  },
  DoStmt: (around) => {
    around.effects.unknown('do', 'a block of code');
    return changes('do');
  },
  ExplainStmt: (around, fields) => explain(around, fields),
  PrepareStmt: (around, fields) => ({ tag: 'prepare', named: prepared(around, fields, 'prepare', text(fields, 'name')) }),
  DeclareCursorStmt: (around, fields) => ({ tag: 'declare', named: prepared(around, fields, 'declare', text(fields, 'portalname')) }),
  ExecuteStmt: (around, fields) => execute(around, fields),
  DeallocateStmt: (around, fields) => {
    around.effects.add({ class: 'read', verb: 'deallocate' }, 'read');
    const name = text(fields, 'name');
    return { tag: 'deallocate', named: { kind: 'deallocate', ...(name === undefined ? {} : { name }) } };
  },
  FetchStmt: (around, fields) => {
    const tag = fields['ismove'] === true ? 'move' : 'fetch';
    around.effects.add({ class: 'read', verb: 'fetch' }, 'read');
    return { tag, named: { kind: 'fetch', name: text(fields, 'portalname') ?? '' } };
  },
  ClosePortalStmt: (around, fields) => {
    around.effects.add({ class: 'read', verb: 'close' }, 'read');
    const name = text(fields, 'portalname');
    return { tag: 'close', named: { kind: 'close', ...(name === undefined ? {} : { name }) } };
  },
  TransactionStmt: (around, fields) => {
    const { tag, control } = session.transaction(around, fields);
    const savepoint = text(fields, 'savepoint_name');
    // What was prepared can have made, dropped or renamed anything, in whichever session.
    return { tag, transaction: control, ...(savepoint === undefined ? {} : { savepoint }), ...(control === 'commit_prepared' ? { changesCatalog: true } : {}) };
  },
  VariableSetStmt: (around, fields) => {
    session.set(around, fields);
    return { tag: String(fields['kind']).startsWith('VAR_RESET') ? 'reset' : 'set' };
  },
  VariableShowStmt: (around, fields) => {
    session.show(around, fields);
    return { tag: 'show' };
  },
  ConstraintsSetStmt: (around, fields) => {
    const named = list(fields, 'constraints').map((node) => namedObject(open(node)[1], 'constraint'));
    for (const object of named) around.effects.add({ class: 'read', verb: 'set', object }, 'transactional');
    if (named.length === 0) around.effects.add({ class: 'read', verb: 'set' }, 'transactional');
    return { tag: 'set_constraints' };
  },
  DiscardStmt: (around, fields) => {
    const all = fields['target'] === undefined || fields['target'] === 'DISCARD_ALL';
    around.effects.add({ class: fields['target'] === 'DISCARD_PLANS' ? 'read' : 'session', verb: 'discard' }, 'read');
    if (all) around.settings.push({ name: '*', action: 'reset', local: false });
    return { tag: 'discard', changesCatalog: all || fields['target'] === 'DISCARD_TEMP' };
  },
  ListenStmt: (around, fields) => {
    around.effects.add({ class: 'session', verb: 'listen', object: channel(fields) }, 'transactional');
    return { tag: 'listen' };
  },
  UnlistenStmt: (around, fields) => {
    around.effects.add({ class: 'read', verb: 'unlisten', object: channel(fields) }, 'transactional');
    return { tag: 'unlisten' };
  },
  NotifyStmt: (around, fields) => {
    around.effects.add({ class: 'write', verb: 'notify', object: channel(fields) }, 'transactional');
    return { tag: 'notify' };
  },
  LockStmt: (around, fields) => {
    // ACCESS SHARE is what every SELECT takes.
    const harmless = fields['mode'] === 1;
    for (const relation of list(fields, 'relations')) {
      const range = open(relation)[1];
      const effect = { class: harmless ? 'read' : 'session', verb: 'lock' } as const;
      around.effects.add({ ...effect, object: target(around, range) }, 'transactional');
      const known = resolve(around, range);
      if (known?.kind !== 'v') continue;
      const behind: Around = { ...around, effects: new Effects() };
      followView(behind, known);
      around.effects.take(behind.effects);
      // The server locks what is behind a view along with it.
      for (const { verb, object } of behind.effects.list()) if (verb === 'select' && object) around.effects.add({ ...effect, object }, 'transactional');
    }
    return { tag: 'lock' };
  },
  VacuumStmt: (around, fields) => vacuum(around, fields),
  RefreshMatViewStmt: (around, fields) => {
    ddl.refresh(around, fields);
    const known = resolve(around, rangeOf(fields, 'relation'));
    if (known) followView(around, known);
    return { tag: 'refresh_materialized_view' };
  },
  ClusterStmt: (around, fields) => {
    commits(around);
    define(around, 'cluster', 'relation' in fields ? target(around, rangeOf(fields, 'relation')) : { kind: 'database', name: '*' });
    return { tag: 'cluster' };
  },
  ReindexStmt: (around, fields) => {
    commits(around);
    define(around, 'reindex', 'relation' in fields ? target(around, rangeOf(fields, 'relation'), 'index') : { kind: fields['kind'] === 'REINDEX_OBJECT_SCHEMA' ? 'schema' : 'database', name: text(fields, 'name') ?? '*' });
    return { tag: 'reindex' };
  },

  CreateStmt: (around, fields) => {
    tables.createTable(around, fields);
    return changes('create_table');
  },
  CreateForeignTableStmt: (around, fields) => {
    tables.createTable(around, rangeOf(fields, 'base'));
    return changes('create_foreign_table');
  },
  CreateTableAsStmt: (around, fields) => {
    const view = fields['objtype'] === 'OBJECT_MATVIEW';
    const [kind, inner] = open(fields['query']);
    const executed = kind === 'ExecuteStmt' ? execute(around, inner) : undefined;
    const columns = executed ? undefined : query(around, fields['query'], undefined);
    const into = rangeOf(fields, 'into');
    const renamed = strings(list(into, 'colNames'));
    made(around, rangeOf(into, 'rel'), view ? 'materialized_view' : 'table', {
      columns: columns && [...renamed, ...columns.slice(renamed.length)],
      ifNotExists: fields['if_not_exists'] === true,
      dropsOnCommit: into['onCommit'] === 'ONCOMMIT_DROP',
    });
    return { ...changes(view ? 'create_materialized_view' : 'create_table_as'), ...(executed?.named ? { named: executed.named } : {}) };
  },
  ViewStmt: (around, fields) => {
    ddl.createView(around, fields);
    return changes('create_view');
  },
  IndexStmt: (around, fields) => {
    ddl.createIndex(around, fields);
    return changes('create_index');
  },
  CreateSchemaStmt: (around, fields) => {
    ddl.createSchema(around, fields, (element) => void statement(around, element));
    return changes('create_schema');
  },
  CreateSeqStmt: (around, fields) => {
    const range = rangeOf(fields, 'sequence');
    define(around, 'create', newRelation(around, 'sequence', range));
    return changes('create_sequence');
  },
  AlterSeqStmt: onRelation('alter_sequence', 'alter', 'sequence', 'sequence'),
  CreateDomainStmt: (around, fields) => {
    ddl.domain(around, list(fields, 'constraints'));
    return onName('create_domain', 'create', 'domain', 'domainname')(around, fields, fields);
  },
  AlterDomainStmt: (around, fields) => {
    define(around, 'alter', objectRef(around, 'domain', { ObjectWithArgs: { objname: list(fields, 'typeName') } }));
    if (typeof fields['def'] === 'object') ddl.domain(around, [fields['def'] as Ast]);
    return changes('alter_domain');
  },
  CompositeTypeStmt: (around, fields) => {
    const range = rangeOf(fields, 'typevar');
    define(around, 'create', newRelation(around, 'type', range));
    around.names.madeType(text(range, 'relname') ?? '');
    return changes('create_type');
  },
  CreateEnumStmt: onName('create_type', 'create', 'type', 'typeName'),
  CreateRangeStmt: (around, fields) => {
    attached.optionCalls(around, list(fields, 'params'), newObject(around, 'type', list(fields, 'typeName')));
    return onName('create_type', 'create', 'type', 'typeName')(around, fields, fields);
  },
  AlterEnumStmt: onName('alter_type', 'alter', 'type', 'typeName'),
  AlterTypeStmt: onName('alter_type', 'alter', 'type', 'typeName'),
  DefineStmt: (around, fields) => {
    const kind = kindWord(fields['kind']);
    const object = newObject(around, kind, list(fields, 'defnames'));
    define(around, 'create', object);
    attached.optionCalls(around, list(fields, 'definition'), object);
    const name = strings(list(fields, 'defnames')).at(-1) ?? '';
    if (kind === 'operator') around.names.madeOperator(name);
    else if (kind === 'aggregate') around.names.madeFunction(name);
    else around.names.madeType(name);
    return changes(`create_${kind}`);
  },
  CreateFunctionStmt: (around, fields) => {
    ddl.createFunction(around, fields);
    return changes(fields['is_procedure'] === true ? 'create_procedure' : 'create_function');
  },
  AlterFunctionStmt: (around, fields) => {
    const object = objectRef(around, kindWord(fields['objtype']), { ObjectWithArgs: rangeOf(fields, 'func') });
    define(around, 'alter', object);
    attached.alteredFunction(around, fields, object);
    return changes('alter_function');
  },
  CreateTrigStmt: (around, fields) => {
    ddl.onTable(around, fields, 'trigger');
    return changes('create_trigger');
  },
  RuleStmt: (around, fields) => {
    ddl.onTable(around, fields, 'rule');
    return changes('create_rule');
  },
  CreatePolicyStmt: onPolicy('create_policy'),
  AlterPolicyStmt: onPolicy('alter_policy'),
  CreateStatsStmt: (around, fields) => {
    ddl.statistics(around, fields);
    return onName('create_statistics', 'create', 'statistics', 'defnames')(around, fields, fields);
  },
  AlterStatsStmt: onName('alter_statistics', 'alter', 'statistics', 'defnames'),
  CreateCastStmt: (around, fields) => {
    const object = { kind: 'cast', name: '*' };
    define(around, 'create', object);
    attached.calls(around, list(rangeOf(fields, 'func'), 'objname'), object);
    // Any conversion behind this in the message could be through it.
    around.names.path = undefined;
    return changes('create_cast');
  },
  CreateConversionStmt: (around, fields) => {
    attached.calls(around, list(fields, 'func_name'), newObject(around, 'conversion', list(fields, 'conversion_name')));
    return onName('create_conversion', 'create', 'conversion', 'conversion_name')(around, fields, fields);
  },
  CreateTransformStmt: admin('create_transform', 'create', 'transform'),
  CreateOpClassStmt: onName('create_operator_class', 'create', 'operator_class', 'opclassname'),
  CreateOpFamilyStmt: onName('create_operator_family', 'create', 'operator_family', 'opfamilyname'),
  AlterOpFamilyStmt: onName('alter_operator_family', 'alter', 'operator_family', 'opfamilyname'),
  AlterOperatorStmt: (around, fields) => {
    define(around, 'alter', objectRef(around, 'operator', { ObjectWithArgs: rangeOf(fields, 'opername') }));
    return changes('alter_operator');
  },
  AlterCollationStmt: onName('alter_collation', 'alter', 'collation', 'collname'),
  AlterTSDictionaryStmt: onName('alter_text_search', 'alter', 'text_search_dictionary', 'dictname'),
  AlterTSConfigurationStmt: onName('alter_text_search', 'alter', 'text_search_configuration', 'cfgname'),
  AlterTableStmt: (around, fields) => {
    tables.alterTable(around, fields);
    return changes(`alter_${kindWord(fields['objtype'])}`);
  },
  AlterTableMoveAllStmt: simple('alter_table', 'alter', 'tablespace', 'orig_tablespacename'),
  AlterObjectDependsStmt: onObject('alter', 'alter', 'objectType'),
  AlterOwnerStmt: (around, fields, node) => {
    if (fields['objectType'] === 'OBJECT_SCHEMA') ddl.giveSchema(around, fields['object']);
    return onObject('alter_owner', 'alter', 'objectType')(around, fields, node);
  },
  AlterObjectSchemaStmt: (around, fields) => {
    ddl.setSchema(around, fields);
    return changes('alter_schema');
  },
  RenameStmt: (around, fields) => {
    ddl.rename(around, fields);
    return changes('rename');
  },
  CommentStmt: (around, fields) => {
    ddl.comment(around, fields);
    return { tag: 'comment' };
  },
  DropStmt: (around, fields) => {
    ddl.drop(around, fields);
    return changes(`drop_${kindWord(fields['removeType'])}`);
  },
  GrantStmt: (around, fields) => {
    ddl.grant(around, fields);
    return { tag: fields['is_grant'] === true ? 'grant' : 'revoke', changesCatalog: ddl.opensSchema(around, fields) };
  },
  AlterDefaultPrivilegesStmt: (around, fields) => {
    define(around, rangeOf(fields, 'action')['is_grant'] === true ? 'grant' : 'revoke', { kind: 'default_privileges', name: '*' });
    return { tag: 'alter_default_privileges' };
  },
  CreatedbStmt: (around, fields) => {
    commits(around);
    return simple('create_database', 'create', 'database', 'dbname')(around, fields, fields);
  },
  DropdbStmt: (around, fields) => {
    commits(around);
    return simple('drop_database', 'drop', 'database', 'dbname')(around, fields, fields);
  },
  AlterDatabaseStmt: (around, fields) => {
    commits(around);
    return simple('alter_database', 'alter', 'database', 'dbname')(around, fields, fields);
  },
  AlterDatabaseRefreshCollStmt: simple('alter_database', 'alter', 'database', 'dbname'),

  AlterDatabaseSetStmt: admin('alter_database', 'alter', 'database', 'dbname', 'settings of all later sessions'),
  CreateRoleStmt: admin('create_role', 'create', 'role', 'role'),
  AlterRoleStmt: (around, fields) => admin('alter_role', 'alter', 'role')(around, { '*': roleName(fields, 'role') }, fields),
  AlterRoleSetStmt: (around, fields) => admin('alter_role', 'alter', 'role')(around, { '*': roleName(fields, 'role') }, fields),
  DropRoleStmt: (around, fields) => {
    for (const role of list(fields, 'roles')) around.effects.add({ class: 'admin', verb: 'drop', object: { kind: 'role', name: text(open(role)[1], 'rolename') ?? '*' } }, 'immediate');
    return { tag: 'drop_role' };
  },
  GrantRoleStmt: (around, fields) => {
    for (const role of list(fields, 'granted_roles')) {
      const verb = fields['is_grant'] === true ? 'grant' : 'revoke';
      around.effects.add({ class: 'admin', verb, object: { kind: 'role', name: text(open(role)[1], 'priv_name') ?? '*' } }, 'immediate');
    }
    // A member may use other schemas than before.
    around.names.path = undefined;
    return changes(fields['is_grant'] === true ? 'grant_role' : 'revoke_role');
  },
  ReassignOwnedStmt: admin('reassign_owned', 'alter', 'role'),
  DropOwnedStmt: admin('drop_owned', 'drop', 'role'),
  AlterSystemStmt: admin('alter_system', 'alter', 'system'),
  LoadStmt: admin('load', 'load', 'library'),
  CheckPointStmt: admin('checkpoint', 'checkpoint', 'system'),
  SecLabelStmt: admin('security_label', 'label', 'security_label'),
  CreateExtensionStmt: admin('create_extension', 'create', 'extension', 'extname'),
  AlterExtensionStmt: admin('alter_extension', 'alter', 'extension', 'extname'),
  AlterExtensionContentsStmt: admin('alter_extension', 'alter', 'extension', 'extname'),
  CreatePLangStmt: admin('create_language', 'create', 'language', 'plname'),
  CreateFdwStmt: admin('create_foreign_data_wrapper', 'create', 'foreign_data_wrapper', 'fdwname'),
  AlterFdwStmt: admin('alter_foreign_data_wrapper', 'alter', 'foreign_data_wrapper', 'fdwname'),
  CreateForeignServerStmt: admin('create_server', 'create', 'server', 'servername'),
  AlterForeignServerStmt: admin('alter_server', 'alter', 'server', 'servername'),
  CreateUserMappingStmt: admin('create_user_mapping', 'create', 'user_mapping', 'servername'),
  AlterUserMappingStmt: admin('alter_user_mapping', 'alter', 'user_mapping', 'servername'),
  DropUserMappingStmt: admin('drop_user_mapping', 'drop', 'user_mapping', 'servername'),
  ImportForeignSchemaStmt: admin('import_foreign_schema', 'import', 'server', 'server_name'),
  CreateSubscriptionStmt: admin('create_subscription', 'create', 'subscription', 'subname'),
  AlterSubscriptionStmt: admin('alter_subscription', 'alter', 'subscription', 'subname'),
  DropSubscriptionStmt: admin('drop_subscription', 'drop', 'subscription', 'subname'),
  CreatePublicationStmt: admin('create_publication', 'create', 'publication', 'pubname'),
  AlterPublicationStmt: admin('alter_publication', 'alter', 'publication', 'pubname'),
  CreateTableSpaceStmt: admin('create_tablespace', 'create', 'tablespace', 'tablespacename'),
  DropTableSpaceStmt: admin('drop_tablespace', 'drop', 'tablespace', 'tablespacename'),
  AlterTableSpaceOptionsStmt: admin('alter_tablespace', 'alter', 'tablespace', 'tablespacename'),
  CreateAmStmt: admin('create_access_method', 'create', 'access_method', 'amname'),
  CreateEventTrigStmt: admin('create_event_trigger', 'create', 'event_trigger', 'trigname'),
  AlterEventTrigStmt: admin('alter_event_trigger', 'alter', 'event_trigger', 'trigname'),
};

/** Notes all that one statement can do. A statement of a kind that is not known is unknown. */
export function statement(around: Around, node: Ast): Kind {
  const [kind, fields] = open(node);
  const handler = HANDLERS[kind];
  if (handler === undefined) {
    around.effects.unknown('statement', 'a statement of a kind that is not known');
    return changes('unknown');
  }
  return handler(around, fields, node);
}

/** Of `options` in PostgreSQL's DeclareCursorStmt (nodes/parsenodes.h): WITH HOLD. */
const CURSOR_OPT_HOLD = 0x20;

/** PREPARE and DECLARE: what the statement inside does counts already here. */
function prepared(around: Around, fields: Ast, kind: 'prepare' | 'declare', name: string | undefined): NonNullable<Kind['named']> {
  around.effects.add({ class: 'read', verb: kind }, 'read');
  const inner = fields['query'] as Ast;
  const apart: Around = { ...around, effects: new Effects() };
  statement(apart, inner);
  const { timing } = around.effects;
  around.effects.take(apart.effects);
  // Nothing runs yet, but a cursor held beyond its transaction does.
  if (kind === 'prepare') around.effects.timing = timing;
  expression(around, list(fields, 'argtypes'), scopeIn(undefined));
  const held = kind === 'declare' && ((fields['options'] as number | undefined) ?? 0) & CURSOR_OPT_HOLD;
  return { kind, inner, ...(name === undefined ? {} : { name }), ...(held ? { held: true } : {}) };
}

/** The session that knows the name puts in what was prepared under it; see `named` in the facts. */
function execute(around: Around, fields: Ast): Kind {
  around.effects.add({ class: 'read', verb: 'execute' }, 'read');
  expression(around, list(fields, 'params'), scopeIn(undefined));
  return { tag: 'execute', named: { kind: 'execute', name: text(fields, 'name') ?? '' } };
}

/** EXPLAIN runs the statement when ANALYZE is on; the last of several wins, and what is not plainly off is on. */
function explain(around: Around, fields: Ast): Kind {
  const given = options(list(fields, 'options'));
  const analyze = given.get('analyze');
  const runs = analyze !== undefined && !/^(?:false|off|0)$/i.test(optionText(around, analyze) ?? 'true');
  // What is only planned makes nothing.
  const apart: Around = { ...around, effects: new Effects(), names: runs ? around.names : around.names.fork() };
  const inner = statement(apart, fields['query'] as Ast);
  if (runs) around.effects.take(apart.effects);
  else around.effects.takePlanned(apart.effects);
  around.effects.add({ class: 'read', verb: 'explain' }, 'read');
  // DECLARE opens no cursor here, whether it runs or not.
  const named = inner.named?.kind === 'execute' ? { named: inner.named } : {};
  return { tag: 'explain', changesCatalog: runs && inner.changesCatalog === true, ...named };
}

/** VACUUM and ANALYZE keep the data as it is; VACUUM FULL rewrites the table under an exclusive lock. */
function vacuum(around: Around, fields: Ast): Kind {
  const given = options(list(fields, 'options'));
  const full = given.get('full');
  const rewrites = full !== undefined && !/^(?:false|off|0)$/i.test(optionText(around, full) ?? 'true');
  const verb = fields['is_vacuumcmd'] === true ? 'vacuum' : 'analyze';
  const relations = list(fields, 'rels').map((each) => open(each)[1]);
  for (const each of relations) around.effects.add({ class: rewrites ? 'schema' : 'write', verb, object: target(around, rangeOf(each, 'relation')) }, 'transactional');
  if (relations.length === 0) around.effects.add({ class: rewrites ? 'schema' : 'write', verb, object: { kind: 'database', name: '*' } }, 'transactional');
  commits(around);
  return { tag: verb };
}
