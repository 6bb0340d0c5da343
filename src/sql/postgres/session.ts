import type { CommandClass } from '../../model/command.ts';
import type { SettingChange, TransactionControl } from '../facts.ts';
import { constantText } from './around.ts';
import type { Around } from './around.ts';
import { embedded, list, open, text } from './ast.ts';
import type { Ast } from './ast.ts';
import { later } from './effects.ts';
import { classDependsOnValue, hidesValue, settingClass } from './settings.ts';

/** SET, RESET, SHOW and transaction control. */

function change(around: Around, setting: SettingChange, granted: CommandClass, verb: 'set' | 'reset'): void {
  around.settings.push(setting);
  around.effects.add({ class: granted, verb, object: { kind: 'setting', name: setting.name } }, 'read');
}

/** One setting given by a node: a literal, a bare word, or neither. @param granted its class, where that is known already */
function assign(around: Around, name: string, values: readonly Ast[], local: boolean, granted?: CommandClass): void {
  const [first] = values;
  const single = values.length === 1 ? constantOf(around, first) : undefined;
  const value = single !== undefined && classDependsOnValue(name) ? (around.dependsOnLiteral(), single.value) : undefined;
  const setting: SettingChange = {
    name,
    action: 'set',
    local,
    ...(single?.literal === undefined ? {} : { literal: single.literal }),
    ...(single !== undefined && single.literal === undefined ? { word: single.value } : {}),
  };
  change(around, setting, granted ?? settingClass(name, value), 'set');
}

/** The value of a constant in SET, and the ordinal of its literal when it is not a bare word. */
function constantOf(around: Around, node: unknown): { readonly value: string; readonly literal?: number } | undefined {
  const [kind, fields] = open(node);
  if (kind !== 'A_Const') return undefined;
  const literal = around.literalAt(typeof fields['location'] === 'number' ? fields['location'] : 0);
  const [, held] = open({ ...fields, location: undefined });
  const value = text(held, 'sval') ?? text(held, 'fval') ?? `${typeof held['ival'] === 'number' ? held['ival'] : 0}`;
  return literal === undefined ? { value } : { value, literal };
}

export function set(around: Around, fields: Ast): void {
  const name = (text(fields, 'name') ?? '').toLowerCase();
  const local = fields['is_local'] === true;
  switch (fields['kind']) {
    case 'VAR_SET_VALUE':
      assign(around, name, list(fields, 'args'), local, name === 'role' && goesBack(around, list(fields, 'args')) ? resetClass(name) : undefined);
      return;
    case 'VAR_SET_DEFAULT':
      change(around, { name, action: 'set', local, word: 'DEFAULT' }, settingClass(name, undefined), 'set');
      return;
    case 'VAR_RESET':
      change(around, { name, action: 'reset', local: false }, resetClass(name), 'reset');
      return;
    case 'VAR_RESET_ALL':
      change(around, { name: '*', action: 'reset', local: false }, 'session', 'reset');
      return;
    case 'VAR_SET_CURRENT':
      change(around, { name, action: 'set', local }, settingClass(name, undefined), 'set');
      return;
    case 'VAR_SET_MULTI':
      multiple(around, name, list(fields, 'args'));
      return;
    default:
      around.effects.unknown('set', 'a form of SET that is not known');
  }
}

/** SET ROLE to the role that logged in, or to NONE, is RESET ROLE in other words: migration tools say it when they are done. */
function goesBack(around: Around, roles: readonly Ast[]): boolean {
  const role = roles.length === 1 ? constantText(around, roles[0]) : undefined;
  return role !== undefined && (role === 'none' || role === around.login);
}

/** Going back to the role that logged in takes nothing that was not there before. */
function resetClass(name: string): CommandClass {
  return name === 'role' || name === 'session_authorization' ? 'session' : settingClass(name, undefined);
}

function multiple(around: Around, name: string, args: readonly Ast[]): void {
  if (name === 'transaction snapshot') {
    change(around, { name: 'transaction_snapshot', action: 'set', local: true }, 'session', 'set');
    return;
  }
  const prefix = name === 'session characteristics' ? 'default_' : '';
  if (prefix === '' && name !== 'transaction') {
    around.effects.unknown('set', 'a form of SET that is not known');
    return;
  }
  modes(around, args, prefix);
}

/** Transaction modes: of BEGIN, SET TRANSACTION, or of all transactions to come. */
function modes(around: Around, options: readonly Ast[], prefix: string): void {
  for (const option of options) {
    const [kind, fields] = open(option);
    if (kind !== 'DefElem') continue;
    const name = `${prefix}${text(fields, 'defname') ?? ''}`;
    const [argument, value] = open(fields['arg']);
    const [, held] = argument === 'A_Const' ? open({ ...value, location: undefined }) : ['', value];
    // These are keywords of the grammar, not literals: READ WRITE is the integer 0.
    const on = (held['ival'] ?? held['boolval'] ?? 0) !== 0;
    const word = text(held, 'sval') ?? (on ? 'on' : 'off');
    change(around, { name, action: 'set', local: prefix === '', word }, settingClass(name, word), 'set');
  }
}

/** `set_config(name, value, local)` is SET in the form of a call. `named` is the name, or a constant that it equals; computed it could be any. */
export function setConfig(around: Around, named: unknown, args: readonly Ast[]): void {
  const name = constantText(around, named)?.toLowerCase();
  if (name === undefined) {
    around.settings.push({ name: '*', action: 'set', local: false });
    around.effects.add({ class: 'admin', verb: 'set', object: { kind: 'setting', name: '*' }, function: 'pg_catalog.set_config', why: 'the name of the setting is computed' }, 'immediate');
    return;
  }
  const [kind, flag] = open(args[2]);
  const local = kind === 'A_Const' && (embedded(flag, 'boolval') ?? {})['boolval'] === true;
  assign(around, name, args[1] ? [args[1]] : [], local);
}

export function show(around: Around, fields: Ast): void {
  const name = (text(fields, 'name') ?? '').toLowerCase();
  around.effects.add({ class: 'read', verb: 'show', object: { kind: 'setting', name: name === 'all' ? '*' : name } }, 'read');
}

const CONTROL: Readonly<Record<string, readonly [tag: string, control: TransactionControl]>> = {
  TRANS_STMT_BEGIN: ['begin', 'begin'],
  TRANS_STMT_START: ['begin', 'begin'],
  TRANS_STMT_COMMIT: ['commit', 'commit'],
  TRANS_STMT_ROLLBACK: ['rollback', 'rollback'],
  TRANS_STMT_SAVEPOINT: ['savepoint', 'savepoint'],
  TRANS_STMT_RELEASE: ['release', 'release'],
  TRANS_STMT_ROLLBACK_TO: ['rollback_to', 'rollback_to'],
  TRANS_STMT_PREPARE: ['prepare_transaction', 'prepare'],
  TRANS_STMT_COMMIT_PREPARED: ['commit_prepared', 'commit_prepared'],
  TRANS_STMT_ROLLBACK_PREPARED: ['rollback_prepared', 'rollback_prepared'],
};

/** BEGIN to ROLLBACK PREPARED. What was done inside was judged when it was done; two-phase commit reaches other sessions' work. */
export function transaction(around: Around, fields: Ast): { readonly tag: string; readonly control: TransactionControl } {
  const found = CONTROL[text(fields, 'kind') ?? 'TRANS_STMT_BEGIN'];
  const { effects } = around;
  if (!found) {
    effects.unknown('transaction', 'a form of transaction control that is not known');
    return { tag: 'transaction', control: 'none' };
  }
  const [tag, control] = found;
  const twoPhase = control === 'prepare' || control === 'commit_prepared' || control === 'rollback_prepared';
  effects.add({ class: twoPhase ? 'session' : 'read', verb: tag }, 'read');
  if (control === 'begin') modes(around, list(fields, 'options'), '');
  if (twoPhase || control === 'commit' || control === 'rollback') effects.timing = later(effects.timing, 'commits');
  return { tag, control };
}

/** Settings of a role, a database or the server hold connection strings and commands; in a session only those that are not the server's. */
export function setsSecret(node: Ast): boolean {
  const [kind, fields] = open(node);
  if (kind === 'AlterSystemStmt' || kind === 'AlterRoleSetStmt' || kind === 'AlterDatabaseSetStmt') return true;
  const name = fields['name'];
  return kind === 'VariableSetStmt' && fields['kind'] === 'VAR_SET_VALUE' && (typeof name !== 'string' || hidesValue(name.toLowerCase()));
}
