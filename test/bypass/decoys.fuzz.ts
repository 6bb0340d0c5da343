import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { campaign } from '../kit/campaign.ts';
import { postgresVersions } from '../kit/postgres.ts';
import { numbers } from './decoys/numbers.ts';
import { Oracle } from './decoys/oracle.ts';
import { statement } from './decoys/statements.ts';

for (const version of postgresVersions()) {
  test(`what passes tells nothing about protected values, PostgreSQL ${version}`, async () => {
    await using oracle = await Oracle.start(version);
    await campaign(fc.asyncProperty(numbers, async (given) => assert.equal((await oracle.judge(statement(given))).leak, undefined)));
  });
}
