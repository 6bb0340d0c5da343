import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { ACTIONS } from '../control/actions/all.ts';
import { NOT_AT_TERMINAL } from '../control/at-terminal.ts';
import { createProgram } from './program.ts';

/** What a person at a terminal does instead of each action of the API. `*`: the command asks for that very action; the others read or write the same things in their own way. */
const COMMANDS: Readonly<Record<string, string>> = {
  'me.signIn': 'login',
  'me.show': 'whoami *',
  'me.logout': 'logout',
  'overview.show': 'overview *',
  'sessions.list': 'sessions search *',
  'sessions.show': 'sessions show',
  'sessions.timeline': 'sessions show',
  'sessions.answer': 'sessions replay',
  'sessions.replay': 'sessions replay',
  'sessions.terminate': 'sessions terminate *',
  'commands.search': 'evidence search',
  'approvals.list': 'approvals list',
  'approvals.show': 'approvals show',
  'approvals.answer': 'approvals approve',
  'identities.list': 'identities search *',
  'identities.show': 'identities show *',
  'identities.revoke': 'identities revoke *',
  'identities.restore': 'identities restore *',
  'connections.list': 'connections list *',
  'connections.show': 'connections show *',
  'policies.list': 'policies list *',
  'policies.versions': 'policies versions *',
  'policies.matrix': 'policies matrix *',
  'policies.explain': 'policy explain',
  'evidence.show': 'evidence status',
  'evidence.verify': 'evidence verify',
  'evidence.export': 'evidence export',
  'evidence.pack': 'evidence export',
  'evidence.jobs': 'evidence jobs *',
  'evidence.job': 'evidence jobs *',
  'evidence.holds': 'evidence hold list',
  'evidence.hold': 'evidence hold add',
  'evidence.release': 'evidence hold remove',
  'evidence.purgePlan': 'evidence purge',
  'activity.list': 'activity list *',
  'settings.show': 'settings show *',
  'people.list': 'people list *',
  'people.signOut': 'people sign-out *',
  'tokens.list': 'tokens list *',
  'tokens.create': 'tokens create *',
  'tokens.revoke': 'tokens revoke *',
};

/** Of programs and pages: no person at a terminal does it. */
const NO_COMMAND: Readonly<Record<string, string>> = {
  'events.stream': 'tells pages what to ask again; a command asks when it is given, and approvals list --watch goes on asking',
  'openapi.show': 'describes the API to programs, over HTTP; docs/reference/openapi.json is the same',
};

const leaves = (command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] =>
  command.commands.length === 0 ? [[path.join(' '), command]] : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));

test('every action of the API has a command, or a reason why not', () => {
  assert.deepEqual(ACTIONS.map(({ id }) => id).sort(), [...Object.keys(COMMANDS), ...Object.keys(NO_COMMAND)].sort());
});

test('each of these commands exists, and says its result to programs too', async () => {
  const commands = new Map(leaves(await createProgram()));
  for (const [action, words] of Object.entries(COMMANDS)) {
    const command = commands.get(words.replace(' *', ''));
    assert.ok(command, `${action}: there is no command ${words}`);
    const options = command.options.map(({ long }) => long);
    assert.ok(options.includes('--json'), `${words} has no --json`);
    if (words.endsWith('*')) for (const option of ['--config', '--login', '--id-token', '--provider']) assert.ok(options.includes(option), `${words} has no ${option}`);
  }
});

test('what commands ask the API for is not what the socket refuses', () => {
  const known = new Set(ACTIONS.map(({ id }) => id));
  for (const action of NOT_AT_TERMINAL.keys()) {
    assert.ok(known.has(action), `${action} is no action`);
    assert.ok(!(COMMANDS[action] ?? '').endsWith('*'), `${action} is refused at the socket`);
  }
  for (const { id, media } of ACTIONS) if (media !== undefined) assert.ok(NOT_AT_TERMINAL.has(id), `${id} answers no JSON: the socket cannot carry it`);
});
