import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { postgresVersions } from '../kit/postgres.ts';
import { numbers } from './decoys/numbers.ts';
import { Oracle } from './decoys/oracle.ts';
import { statement } from './decoys/statements.ts';

/*
 * Statements in which few names are everything at once: what strict masks let through, and what facts say does not touch a column, must not tell anything about protected
 * values. A failure prints its seed and path: DECOYS_SEED and DECOYS_PATH repeat it. Longer runs: npm run fuzz -- test/bypass.
 */
const RUNS = Number(process.env['DECOYS_RUNS'] ?? 5000);
const SEED = process.env['DECOYS_SEED'];
const PATH = process.env['DECOYS_PATH'];

for (const version of postgresVersions()) {
  test(`names that could mean several things, PostgreSQL ${version}`, async (context) => {
    await using oracle = await Oracle.start(version);
    const counts = { passed: 0, silent: 0, reading: 0, masked: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(numbers, async (given) => {
        const sql = statement(given);
        const verdict = await oracle.judge(sql);
        assert.equal(verdict.leak, undefined);
        if (!verdict.passed) counts.refused++;
        if (!verdict.ran) return;
        if (verdict.untouched) counts.silent++;
        if (!verdict.passed) return;
        counts.passed++;
        if (verdict.reads) counts.reading++;
        if (verdict.masked) counts.masked++;
      }),
      { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }), ...(PATH === undefined ? {} : { path: PATH }) },
    );
    context.diagnostic(`${RUNS} statements: ${counts.refused} refused; ${counts.passed} passed and ran, ${counts.reading} of them over the table that has the protected column, ${counts.masked} with masks; ${counts.silent} ran that do not touch the column`);
    assert.ok(PATH !== undefined || (counts.passed > RUNS / 6 && counts.reading > RUNS / 12 && counts.silent > RUNS / 12), 'too few statements run to say anything');
  });
}
