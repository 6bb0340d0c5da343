import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApprovalView } from '../approvals/approvals.ts';
import type { Person } from '../model/person.ts';
import { approvalSummary } from './approval-view.ts';
import type { Actor } from './sign-in/actor.ts';

const VIEW: ApprovalView = {
  id: '0123456789abcdef', state: 'pending', askedAt: 0, expiresAt: 1, session: 's', identity: 'jobs', owner: {}, connection: 'shop', protocol: 'postgres', verb: 'drop_table', effects: [], reason: '',
  steps: [], text: 'DROP TABLE a', hidden: 0, inTransaction: false, waiting: 1, digest: '00',
  answers: [{ by: 'Sam Smith', issuer: 'https://okta.example', subject: 'sam-1', provider: 'okta', verdict: 'approve', reason: 'seen', at: 0, channel: 'page' }],
};
const actor = (more: Partial<Person>): Actor => ({ kind: 'person', session: 's', csrf: 'c', person: { provider: 'okta', issuer: 'https://okta.example', subject: 'sam-1', name: 'Sam Smith', groups: [], accounts: {}, ...more } }) as Actor;

test('what somebody has answered is told by issuer and subject: not to another of the same name, and also after a new name', () => {
  const mine = (more: Partial<Person>) => approvalSummary(VIEW, actor(more)).mine;
  assert.equal(mine({}), 'approve');
  assert.equal(mine({ name: 'Sam Smith-Jones' }), 'approve');
  assert.equal(mine({ subject: 'sam-2' }), undefined);
  assert.equal(mine({ issuer: 'https://elsewhere.example' }), undefined);
});
