import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { python } from '../kit/clients.ts';
import { skipUnless } from '../kit/present.ts';
import { startScene, TABLES, type Scene } from './scene.ts';

/*
 * A program that reads a row and writes it back as its driver has read it, knowing nothing of masks: none of the real values may be lost. Drivers write dates
 * in the zone of the machine, and read the JSON null as they read NULL.
 */
const COLUMNS: Readonly<Record<string, readonly [type: string, value: string]>> = {
  d: ['date', '1991-03-07'], ts: ['timestamp', '1991-03-07 10:00'], tz: ['timestamptz', '1991-03-07 10:00+00'], t: ['time', '10:00'], iv: ['interval', '3 days'],
  j: ['json', '{"a":1}'], jb: ['jsonb', '{"a":1}'], n: ['numeric', '5'], f: ['float8', '5'], i: ['bigint', '5'], bo: ['bool', 't'], b: ['bytea', '\\x0102'],
  u: ['uuid', '7b1a2c3d-0000-4000-8000-000000000001'], ip: ['inet', '10.1.2.3'], a: ['text[]', '{a}'], da: ['date[]', '{1991-03-07}'], r: ['int4range', '[1,4)'], tx: ['text', 'abc'],
};
const NAMES = Object.keys(COLUMNS);
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata'];

let scene: Scene;
before(async () => {
  scene = await startScene({
    postgres: {
      setup: `${TABLES} CREATE TABLE typed(id int primary key, ${Object.entries(COLUMNS).map(([name, [type]]) => `${name} ${type}`).join(', ')});
        INSERT INTO typed VALUES (1, ${Object.values(COLUMNS).map(([, value]) => `'${value}'`).join(', ')}); ALTER TABLE typed OWNER TO app;`,
    },
    policies: [{ name: 'all', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], mask: [{ columns: NAMES.map((name) => `typed.${name}`), transform: 'redact' }] }],
  });
});
after(() => scene[Symbol.asyncDispose]());

const unchanged = async (who: string): Promise<void> => {
  const row = (await scene.target.query(`SELECT ${Object.entries(COLUMNS).map(([name, [type, value]]) => `${name}::text = '${value}'::${type}::text AS ${name}`).join(', ')} FROM typed`))[0];
  assert.deepEqual(NAMES.filter((name) => row?.[name] !== true), [], who);
};

test('pg, in several zones', async () => {
  const zone = process.env['TZ'];
  try {
    for (const here of ZONES) {
      process.env['TZ'] = here;
      const client = await scene.client('writer');
      const { rows } = await client.query<Record<string, unknown>>('SELECT * FROM typed');
      for (const name of NAMES) await assert.rejects(client.query(`UPDATE typed SET ${name} = $1 WHERE id = 1`, [rows[0]?.[name]]), /the mask of/, `${here} ${name}`);
      await client.end();
    }
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
  await unchanged('pg');
});

for (const driver of ['psycopg', 'psycopg2'] as const) {
  test(`${driver}, in several zones`, { skip: skipUnless(driver) }, async () => {
    const { stdout, stderr } = await python(
      `
import ${driver}
for zone in ${JSON.stringify(ZONES)}:
    c = ${driver}.connect('')
    c.autocommit = True
    cur = c.cursor()
    cur.execute("SET TIME ZONE '%s'" % zone)
    cur.execute('SELECT * FROM typed')
    for column, value in list(zip([d[0] for d in cur.description], cur.fetchone()))[1:]:
        try:
            cur.execute('UPDATE typed SET %s = %%s WHERE id = 1' % column, (value,))
            print('written', zone, column, repr(value))
        except ${driver}.Error as e:
            if 'the mask of' not in str(e): print(zone, column, e)
`,
      await scene.env('writer'),
    );
    assert.equal(stdout + stderr, '');
    await unchanged(driver);
  });
}
