import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applicationName, refusedSetting } from './settings.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import type { Understood } from '../../sql/understand.ts';

const setting = (name: string, value?: string, action: 'set' | 'reset' = 'set'): Understood => {
  const facts: StatementFacts = {
    tag: 'set',
    effects: [{ class: 'session', verb: 'set' }],
    timing: 'read',
    transaction: 'none',
    settings: [{ name, action, local: false, ...(value === undefined ? {} : { literal: 0 }) }],
    changesCatalog: false,
    lineage: { understood: true, uses: [], operands: [] },
  };
  return { statements: [{ facts, start: 0, end: 0 }], literals: value === undefined ? [] : [{ start: 0, end: 0, kind: 'string', value }], unparsed: false };
};

test('settings that change nothing about meaning pass, others do not', () => {
  for (const name of ['statement_timeout', 'search_path', 'role', 'app.tenant', 'enable_seqscan', 'application_name', 'timezone']) {
    assert.equal(refusedSetting(setting(name, 'x')), undefined, name);
  }
  for (const name of ['session_replication_role', 'wicketgate.connection', 'log_statement', 'local_preload_libraries', 'lo_compat_privileges', 'transform_null_equals', 'backslash_quote']) {
    assert.match(refusedSetting(setting(name, 'x')) ?? '', /may not be changed/, name);
  }
});

test('pinned settings take only the value that the gateway reads by', () => {
  assert.equal(refusedSetting(setting('client_encoding', 'UTF8')), undefined);
  assert.equal(refusedSetting(setting('client_encoding', undefined, 'reset')), undefined);
  assert.match(refusedSetting(setting('client_encoding', 'SJIS')) ?? '', /pinned/);
  assert.match(refusedSetting(setting('client_encoding')) ?? '', /pinned/);
  assert.equal(refusedSetting(setting('standard_conforming_strings', 'on')), undefined);
  assert.match(refusedSetting(setting('standard_conforming_strings', 'off')) ?? '', /pinned/);
});

test('a refusal does not repeat a hostile name', () => {
  assert.match(refusedSetting(setting('\u001b[31m')) ?? '', /of this name/);
});

test('application_name holds session and identity within 63 bytes, whatever the client calls itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z][a-z-]{0,62}$/), (own, identity) => {
      const name = applicationName('0123456789abcdefghjkmnpqrs', identity, own);
      assert.ok(Buffer.byteLength(name) <= 63);
      assert.ok(name.startsWith(`wg:0123456789ab:${identity}`.slice(0, 63)));
    }),
  );
});
