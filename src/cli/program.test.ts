import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

const leaves = (command: Command, path: readonly string[] = []): { readonly path: readonly string[]; readonly command: Command }[] =>
  command.commands.length === 0 ? [{ path, command }] : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));

const wicketgate = (...args: readonly string[]) => spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });

test('every command says what its exit codes mean', async () => {
  for (const { path, command } of leaves(await createProgram())) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    assert.match(help, /Exit codes: 0 .+; 1 .+; 2 wrong use/, path.join(' '));
  }
});

test('the list of commands says of each what the command says of itself', async () => {
  const listed = (await createProgram([])).commands.map((command) => [command.name(), command.description()]);
  assert.deepEqual(listed, (await createProgram()).commands.map((command) => [command.name(), command.description()]));
});

test('only what is asked for is loaded: of other commands there is the name', async () => {
  const whole = leaves(await createProgram());
  for (const { path } of whole) {
    const program = await createProgram([...path, '--data', 'elsewhere']);
    const help = (of: readonly { readonly path: readonly string[]; readonly command: Command }[]): string | undefined => of.find((leaf) => leaf.path.join(' ') === path.join(' '))?.command.helpInformation();
    assert.equal(help(leaves(program)), help(whole), path.join(' '));
  }
  const program = await createProgram(['evidence', 'verify', 'folder']);
  assert.deepEqual(program.commands.find((command) => command.name() === 'evidence')?.commands.map((command) => command.name()), ['verify']);
});

test('wrong use is 2 and help is 0, in commands of commands too', () => {
  for (const args of [[], ['nonsense'], ['sessions'], ['sessions', 'nonsense'], ['check', '--nonsense']]) assert.equal(wicketgate(...args).status, 2, args.join(' '));
  for (const args of [['--help'], ['help', 'sessions'], ['evidence', 'verify', '--help'], ['--version']]) assert.equal(wicketgate(...args).status, 0, args.join(' '));
});

test('a folder of this machine that cannot be used is said in one line, 1', () => {
  const ran = wicketgate('identities', 'list', '--config', join(import.meta.dirname, 'testdata', 'unusable-state.yaml'));
  assert.equal(ran.status, 1);
  assert.match(ran.stderr, /^state .* cannot be opened: .*\n$/);
});

test('who reads only the beginning of what is printed sees no error behind it', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, said], [0, '']);
});
