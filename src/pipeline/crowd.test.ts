import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Crowd, type Placed } from './crowd.ts';

test('those who joined and did not leave are here, whatever came between', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ who: fc.nat(9), leaves: fc.boolean() })), (steps) => {
      const crowd = new Crowd<Placed>();
      const members = Array.from({ length: 10 }, (): Placed => ({ place: -1 }));
      const here = new Set<Placed>();
      for (const { who, leaves } of steps) {
        const member = members[who] as Placed;
        if (leaves) {
          crowd.leave(member);
          here.delete(member);
        } else if (!here.has(member)) {
          crowd.join(member);
          here.add(member);
        }
        assert.equal(crowd.all.length, here.size);
        assert.ok(crowd.all.every((one) => here.has(one)));
        assert.equal(new Set(crowd.all).size, here.size);
      }
    }),
  );
});
