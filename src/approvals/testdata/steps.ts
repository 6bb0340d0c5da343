import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tempFolder } from '../../../test/kit/temp.ts';
import type { AnswerRefused, ApprovalView, Asked } from '../approvals.ts';
import type { Person } from '../../model/person.ts';
import { Scene, person } from './scene.ts';

export const MINUTE = 60_000;
export const ada = person('ada');
export const bob = person('bob');

export const approve = (scene: Scene, request: string, who = ada, more: object = {}): Promise<ApprovalView> =>
  scene.approvals.answer({ request, person: who, verdict: 'approve', reason: 'as planned', channel: 'terminal', ...more });

export const deny = (scene: Scene, request: string, who = ada, reason = 'not today'): Promise<ApprovalView> =>
  scene.approvals.answer({ request, person: who, verdict: 'deny', reason, channel: 'page' });

/** Break-glass, by somebody of its groups. */
export const force = (scene: Scene, request: string, who: Person): Promise<ApprovalView> =>
  scene.approvals.answer({ request, person: who, verdict: 'force', reason: 'the house is on fire', channel: 'page' });

/** Whether an answer was refused with this code. */
export const withCode = (code: string) => (error: unknown): boolean => (error as AnswerRefused).name === 'AnswerRefused' && (error as AnswerRefused).code === code;

/** The refusal of a command that must be refused. */
export function refusal(asked: Asked): Extract<Asked, { kind: 'refused' }>['refusal'] {
  if (asked.kind !== 'refused') assert.fail(`not refused: ${asked.kind}`);
  return asked.refusal;
}

export const stateOf = (scene: Scene, id: string): string | undefined => scene.approvals.get(id)?.state;

/** A test with a gateway's approvals of its own. */
export const scenes = (name: string, run: (scene: Scene) => void | Promise<void>): void => {
  test(name, async () => {
    using folder = tempFolder('approvals');
    using scene = new Scene(folder.path);
    await run(scene);
  });
};
