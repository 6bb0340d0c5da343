import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { processorTime } from '../../test/kit/processor-time.ts';
import { tempFolder } from '../../test/kit/temp.ts';
import { BadRequest, parseAddCheckpoint } from './request.ts';
import { GrowingLog } from './testdata/log.ts';
import { open } from './testdata/open.ts';

test('over any requests, restarts and forks: one root for a size, and sizes never go back', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('grow' as const), by: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant('fork' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), by: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ do: fc.constant('add' as const), branch: fc.nat(7), old: fc.oneof(fc.constant('told' as const), fc.nat(120)), empty: fc.boolean() }),
    fc.record({ do: fc.constant('restart' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      using folder = tempFolder('witness');
      const log = new GrowingLog('l').grow(1);
      const branches = [log];
      let { witness } = open(folder, [log]);
      const roots = new Map<number, string>();
      let last = 0;
      for (const one of steps) {
        if (one.do === 'grow') branches[branches.length - 1]?.grow(one.by);
        else if (one.do === 'fork') {
          const from = branches[branches.length - 1] as GrowingLog;
          branches.push(from.fork(Math.floor(one.at * from.size)).grow(one.by, `fork ${branches.length}`));
        } else if (one.do === 'restart') ({ witness } = open(folder, [log]));
        else {
          const branch = branches[one.branch % branches.length] as GrowingLog;
          const old = Math.min(one.old === 'told' ? last : one.old, branch.size);
          const answer = witness.add(branch.request(old, one.empty ? [] : branch.proof(old)));
          if (answer.status !== 200) continue;
          assert.ok(branch.size >= last, 'sizes never go back');
          const root = branch.root().toString('hex');
          assert.equal(roots.get(branch.size) ?? root, root, 'one root for a size');
          for (const [size, known] of roots) assert.equal(branch.fork(size).root().toString('hex'), known, 'it contains all that was cosigned');
          roots.set(branch.size, root);
          last = branch.size;
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('whatever is posted is read or refused, in time', () => {
  const good = new GrowingLog('l').grow(70).request(20).toString('utf8');
  const altered = fc.tuple(fc.nat(good.length), fc.nat(40), fc.string({ unit: 'binary', maxLength: 40 })).map(([at, cut, by]) => good.slice(0, at) + by + good.slice(at + cut));
  const repeated = fc.tuple(fc.constantFrom('\n', '\n\n', 'old ', '=', '\u2014 ', 'A'.repeat(43), '9'), fc.nat(60_000)).map(([text, times]) => `old 1\n${text.repeat(Math.floor(times / text.length))}\n\nl\n1\n`);
  fc.assert(
    fc.property(fc.oneof(altered, repeated, fc.string({ unit: 'binary' })), (text) => {
      const begun = processorTime();
      try {
        const { old, proof } = parseAddCheckpoint(Buffer.from(text, 'utf8'));
        assert.ok(Number.isSafeInteger(old) && proof.length <= 63 && proof.every((hash) => hash.length === 32));
      } catch (error) {
        assert.ok(error instanceof BadRequest, String(error));
      }
      assert.ok(processorTime() - begun < 500);
    }),
    { numRuns: 2000 },
  );
});
