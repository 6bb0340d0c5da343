import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { PATIENT, startApprovalScene, type ApprovalScene } from './approvals-scene.ts';
import { gatewayWire } from './wire.ts';

const errorOf = (messages: readonly BackendMessage[]): string => JSON.stringify(messages.find(({ kind }) => kind === 'ErrorResponse') ?? 'none');

/** The rows are not what is approved; the guard against masked values looks at them whenever they were sent. */
suite('COPY data that is sent before the target has asked for it', () => {
  let scene: ApprovalScene;
  before(async () => {
    const mask = [{ columns: ['customers.ssn'], mode: 'display', transform: 'redact' }];
    scene = await startApprovalScene({
      policies: [
        { name: 'writing', identities: ['writer'], connections: ['*'], allow: ['read', 'write', 'session'], mask },
        { name: 'asking', identities: ['migrator'], connections: ['*'], allow: ['read', 'write', 'session'], mask, rules: [{ name: 'copies', match: { verbs: ['insert', 'copy'] }, effect: 'require_approval', reason: 'data is looked at', approval: PATIENT }] },
      ],
    });
  });
  after(() => scene[Symbol.asyncDispose]());

  const shown = async (): Promise<string> => {
    using client = await gatewayWire(scene, 'writer');
    const row = (await client.query('SELECT ssn FROM customers WHERE id = 1')).find((message) => message.kind === 'DataRow');
    return row?.values[0]?.toString() ?? '';
  };
  const rows = (id: number): Promise<number> => scene.target.count(`customers WHERE id = ${id}`);

  for (const [what, pieces] of [['in one piece', 1], ['cut in the middle', 2]] as const) {
    test(`a masked value that comes back, ${what}`, async () => {
      const masked = await shown();
      using client = await gatewayWire(scene, 'writer');
      const bytes = Buffer.concat([toServer.query('COPY customers(id, ssn) FROM STDIN'), toServer.copyData(Buffer.from(`101\t${masked}\n`)), toServer.copyDone]);
      const cut = pieces === 1 ? bytes.length : bytes.length - 12;
      client.send(bytes.subarray(0, cut));
      if (pieces === 2) client.send(bytes.subarray(cut));
      assert.match(errorOf(await client.until('ReadyForQuery')), /42501/);
      assert.equal(await rows(101), 0);
    });

    test(`the same behind a COPY that is held, ${what}`, async () => {
      const masked = await shown();
      using client = await gatewayWire(scene, 'migrator');
      const bytes = Buffer.concat([toServer.query('COPY customers(id, ssn) FROM STDIN'), toServer.copyData(Buffer.from(`102\t${masked}\n`)), toServer.copyDone]);
      const cut = pieces === 1 ? bytes.length : bytes.length - 12;
      client.send(bytes.subarray(0, cut));
      const { id } = await scene.request();
      assert.ok((await scene.answer(id, 'approve')).ok);
      if (pieces === 2) client.send(bytes.subarray(cut));
      assert.match(errorOf(await client.until('ReadyForQuery')), /42501/);
      assert.equal(await rows(102), 0);
    });
  }
});
