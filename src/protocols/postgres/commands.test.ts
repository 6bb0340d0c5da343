import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '../../../test/kit/until.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { createPostgresUnderstander } from '../../sql/postgres/understand.ts';
import type { Understood } from '../../sql/understand.ts';
import { commandOf, resolveNamed } from './commands.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const content = readFileSync(new URL('../../sql/postgres/testdata/catalog.json', import.meta.url), 'utf8');
const catalogOf = (id: string): Catalog => ({ ...(JSON.parse(content) as Catalog), id });
const effectsIn = (understood: Understood, catalog: Catalog): string => JSON.stringify(commandOf({ understood, catalog, recorded: '', bytes: 1 }).effects);

test('a command says of each object whether the catalog at hand has it', async () => {
  const understander = createPostgresUnderstander({ timeout: 60_000 });
  const known = catalogOf('known');
  const understood = await understander.understand(Buffer.from('SELECT note FROM orders'), known, { searchPath: ['public'] }, { id: '', signatures: [] });
  assert.match(effectsIn(understood, known), /"known":true/);
  assert.doesNotMatch(effectsIn(understood, { ...known, id: 'empty', relations: [] }), /"known":true/);
  assert.match(effectsIn(understood, known), /"known":true/);
  await understander.close();
});

test('what is kept of statements does not keep the catalogs that they were understood under', async () => {
  const understander = createPostgresUnderstander({ timeout: 60_000 });
  const gone: WeakRef<Catalog>[] = [];
  const kept: Understood[] = [];
  for (let n = 0; n < 20; n++) {
    const catalog = catalogOf(`number ${n}`);
    const understood = await understander.understand(Buffer.from('SELECT note FROM orders'), catalog, { searchPath: ['public'] }, { id: '', signatures: [] });
    effectsIn(understood, catalog);
    kept.push(understood);
    gone.push(new WeakRef(catalog));
  }
  // The parser's thread has been given the last ones.
  await until(() => {
    collect();
    return gone.filter((catalog) => catalog.deref() !== undefined).length <= 4;
  }, 20_000, 'most of the catalogs to be collected');
  assert.equal(kept.length, gone.length);
  await understander.close();
});

const understoodAll = async (...texts: readonly string[]): Promise<readonly Understood[]> => {
  const understander = createPostgresUnderstander();
  try {
    return await Promise.all(texts.map(async (text) => await understander.understand(Buffer.from(text), catalogOf('named'), { searchPath: ['public'] }, { id: '', signatures: [] })));
  } finally {
    await understander.close();
  }
};
const NO_NAMES = { prepared: () => undefined, cursor: () => undefined };

test('each argument of EXECUTE meets what its own parameter meets', async () => {
  const [prepare, execute] = (await understoodAll('PREPARE p(text, int) AS SELECT 1 FROM orders WHERE note = $1 AND id = $2', "EXECUTE p('a', 2)")) as [Understood, Understood];
  const inner = prepare.statements[0]!.facts.named!.inner!;
  const { statements } = resolveNamed(execute, { ...NO_NAMES, prepared: () => inner });
  const meets = statements[0]!.facts.lineage.operands.flatMap(({ kind, index, column }) => (kind === 'literal' ? [[index, column?.column]] : []));
  assert.deepEqual(meets, [[0, 'note'], [1, 'id']]);
});

test('many statements with a literal each take no longer than they are many', async () => {
  const [prepare, execute] = (await understoodAll('PREPARE p(text) AS SELECT 1 FROM orders WHERE note = $1', "EXECUTE p('a')")) as [Understood, Understood];
  const inner = prepare.statements[0]!.facts.named!.inner!;
  const { facts } = execute.statements[0]!;
  const { arguments: _, ...lineage } = facts.lineage;
  const most = 40_000;
  const places = Array.from({ length: most }, (__, n) => ({ start: 20 * n, end: 20 * n + 15 }));
  const literals = places.map(({ start }) => ({ start: start + 10, end: start + 13, kind: 'string' as const, value: 'a' }));
  // What the arguments are made from is not always known.
  const many: Understood = { unparsed: false, literals, statements: places.map((place) => ({ ...place, facts: { ...facts, lineage } })) };
  const began = performance.now();
  const resolved = resolveNamed(many, { ...NO_NAMES, prepared: () => inner });
  assert.ok(performance.now() - began < 5_000);
  assert.deepEqual(resolved.statements[most - 1]!.facts.lineage.operands.filter(({ kind }) => kind === 'literal').map(({ index }) => index), [most - 1]);
});

test('arguments of more literals than can be followed make nothing that is taken as understood', async () => {
  const [prepare, execute] = (await understoodAll('PREPARE p(text) AS SELECT 1 FROM orders WHERE note = $1', "EXECUTE p('a')")) as [Understood, Understood];
  const inner = prepare.statements[0]!.facts.named!.inner!;
  const { facts, ...place } = execute.statements[0]!;
  const atoms = Array.from({ length: 400_001 }, (__, index) => ({ kind: 'literal' as const, index }));
  const many: Understood = { unparsed: false, literals: [], statements: [{ ...place, facts: { ...facts, lineage: { ...facts.lineage, arguments: [atoms] } } }] };
  const [resolved] = resolveNamed(many, { ...NO_NAMES, prepared: () => inner }).statements;
  assert.equal(resolved!.facts.lineage.understood, false);
  assert.ok(resolved!.facts.effects.some((effect) => effect.class === 'unknown'));
});
