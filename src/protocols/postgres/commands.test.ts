import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '../../../test/kit/until.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { createPostgresUnderstander } from '../../sql/postgres/understand.ts';
import type { Understood } from '../../sql/understand.ts';
import { commandOf } from './commands.ts';

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
