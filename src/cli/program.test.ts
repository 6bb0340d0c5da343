import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

const leaves = (command: Command, path: readonly string[] = []): { readonly path: readonly string[]; readonly command: Command }[] =>
  command.commands.length === 0 ? [{ path, command }] : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));

const wicketgate = (...args: readonly string[]) => spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });

test('every command says what its exit codes mean', () => {
  for (const { path, command } of leaves(createProgram())) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    assert.match(help, /Exit codes: 0 .+; 1 .+; 2 wrong use/, path.join(' '));
  }
});

test('wrong use is 2 and help is 0, in commands of commands too', () => {
  for (const args of [[], ['sessions', 'nonsense'], ['check', '--nonsense']]) assert.equal(wicketgate(...args).status, 2, args.join(' '));
  for (const args of [['evidence', 'verify', '--help']]) assert.equal(wicketgate(...args).status, 0, args.join(' '));
});

test('a folder of this machine that cannot be used is said in one line, 1', () => {
  const ran = wicketgate('identities', 'list', '--config', join(import.meta.dirname, 'testdata', 'unusable-state.yaml'));
  assert.equal(ran.status, 1);
  assert.match(ran.stderr, /^state .* cannot be opened: .*\n$/);
});
