import type { ApprovalView, Verdict } from '../../src/approvals/approvals.ts';
import { askLocal, type LocalAnswer } from '../../src/control/local.ts';
import { staticIssuer } from '../kit/static-issuer.ts';
import { until } from '../kit/until.ts';
import { CLIENT_ID } from './approvals-scene.ts';
import type { HttpScene } from './http-scene.ts';

/** People who answer what requests over HTTP are held for. */
export interface HttpPeople {
  /** Goes into the configuration of the gateway. */
  readonly control: Readonly<Record<string, unknown>>;
  show(scene: HttpScene, id: string): Promise<ApprovalView>;
  pending(scene: HttpScene): Promise<readonly ApprovalView[]>;
  /** How it stands, by the list: that nothing of it is shown needs no record. */
  state(scene: HttpScene, id: string): Promise<string | undefined>;
  /** The one request that waits for people, once there is one. */
  request(scene: HttpScene): Promise<ApprovalView>;
  answer(scene: HttpScene, id: string, verdict?: Verdict, subject?: string): Promise<LocalAnswer>;
  /** The same, and it must be taken. */
  approve(scene: HttpScene, id: string, subject?: string): Promise<void>;
  deny(scene: HttpScene, id: string): Promise<void>;
  stop(): void;
}

export const startHttpPeople = async (): Promise<HttpPeople> => {
  const issuer = await staticIssuer({ issuer: 'https://login.test' });
  const local = async <Result>(scene: HttpScene, request: Parameters<typeof askLocal>[1]): Promise<Result> => {
    const answer = await askLocal(scene.gateway.dataDir, request);
    if (!answer.ok) throw new Error(answer.error);
    return answer.result as Result;
  };
  const show: HttpPeople['show'] = async (scene, id) => (await local<{ request: ApprovalView }>(scene, { do: 'approvals', act: 'show', id, by: 'tests' })).request;
  const pending: HttpPeople['pending'] = async (scene) => (await local<{ requests: ApprovalView[] }>(scene, { do: 'approvals', act: 'list', limit: 100, state: 'pending' })).requests;
  const state: HttpPeople['state'] = async (scene, id) => (await local<{ requests: ApprovalView[] }>(scene, { do: 'approvals', act: 'list', limit: 100 })).requests.find((one) => one.id === id)?.state;
  const answer: HttpPeople['answer'] = async (scene, id, verdict = 'approve', subject = 'alice') => {
    const { digest } = await show(scene, id);
    const idToken = await issuer.token({ sub: subject, aud: CLIENT_ID, claims: { name: subject, groups: ['dba'], nonce: 'n' } });
    return askLocal(scene.gateway.dataDir, { do: 'approvals', act: 'answer', id, verdict, reason: 'agreed in the ticket', digest, idToken });
  };
  const must = async (answered: Promise<LocalAnswer>): Promise<void> => {
    const word = await answered;
    if (!word.ok) throw new Error(word.error);
  };
  return {
    control: { url: 'https://wicketgate.test', login: [{ name: 'okta', issuer: issuer.issuer, clientId: CLIENT_ID, jwksFile: issuer.jwksFile }] },
    show, pending, state, answer,
    request: async (scene) => {
      const found = await until(async () => {
        const all = await pending(scene);
        return all.length === 1 ? all[0] : undefined;
      }, 20_000, 'one request for approval');
      return show(scene, found.id);
    },
    approve: (scene, id, subject) => must(answer(scene, id, 'approve', subject)),
    deny: (scene, id) => must(answer(scene, id, 'deny')),
    stop: () => issuer.stop(),
  };
};
