import { readdirSync, readlinkSync } from 'node:fs';
import type { ApprovalView, Verdict } from '../../src/approvals/approvals.ts';
import { askLocal, type LocalAnswer } from '../../src/control/local.ts';
import { staticIssuer, type StaticIssuer } from '../kit/static-issuer.ts';
import type { TokenOptions } from '../kit/tokens.ts';
import { until } from '../kit/until.ts';
import { startScene, type Scene, type SceneOptions } from './scene.ts';

export const CLIENT_ID = 'wicketgate-people';
/** An approval that lasts and is held for as long as a slow machine needs. */
export const PATIENT = { groups: ['okta/dba'], count: 1, hold: '5m', expires: '15m' };

/** Dropping waits for people; everything else of a migrator runs. */
export const ASKING: readonly Record<string, unknown>[] = [
  {
    name: 'migrating',
    identities: ['migrator', 'writer'],
    connections: ['*'],
    allow: ['read', 'write', 'schema', 'session'],
    rules: [{ name: 'drops', match: { verbs: ['drop', 'truncate'] }, effect: 'require_approval', reason: 'what is dropped is gone', approval: PATIENT }],
  },
];

/** Files of rows that the gateway has open, which have no name in any folder. */
export const openSpools = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const path = `/proc/${pid}/fd/${fd}`;
    try {
      return readlinkSync(path).includes('.spool') ? [path] : [];
    } catch {
      return [];
    }
  });

/** A scene with people: who may approve, by group, and how they answer from a terminal. */
export interface ApprovalScene extends Scene {
  readonly people: StaticIssuer;
  /** An ID token of a person. */
  idToken(subject: string, groups: readonly string[], options?: TokenOptions): Promise<string>;
  requests(state?: ApprovalView['state']): Promise<readonly ApprovalView[]>;
  /** The one request in this state, once there is one. */
  request(state?: ApprovalView['state']): Promise<ApprovalView>;
  show(id: string): Promise<ApprovalView>;
  answer(id: string, verdict: Verdict, who?: { readonly subject?: string; readonly groups?: readonly string[]; readonly reason?: string; readonly digest?: string; readonly idToken?: string }): Promise<LocalAnswer>;
}

export interface ApprovalSceneOptions extends SceneOptions {
  readonly more?: Readonly<Record<string, unknown>>;
  /** More of the one entry of `control.login`. */
  readonly login?: Readonly<Record<string, unknown>>;
}

export const startApprovalScene = async (options: ApprovalSceneOptions = {}): Promise<ApprovalScene> => {
  const people = await staticIssuer({ issuer: 'https://login.test' });
  const scene = await startScene({
    policies: ASKING,
    ...options,
    more: {
      control: { url: 'https://wicketgate.test', login: [{ name: 'okta', issuer: people.issuer, clientId: CLIENT_ID, jwksFile: people.jwksFile, ...options.login }], ...options.control },
      approvals: { breakGlass: { groups: ['okta/commanders'] } },
      ...options.more,
    },
  });
  const { dataDir } = scene.gateway;
  const ask = async <Result>(request: Parameters<typeof askLocal>[1]): Promise<Result> => {
    const answer = await askLocal(dataDir, request);
    if (!answer.ok) throw new Error(answer.error);
    return answer.result as Result;
  };
  const idToken: ApprovalScene['idToken'] = (subject, groups, more = {}) => people.token({ sub: subject, aud: CLIENT_ID, ...more, claims: { name: subject, groups, nonce: 'n', ...more.claims } });
  const requests: ApprovalScene['requests'] = async (state) => (await ask<{ requests: ApprovalView[] }>({ do: 'approvals', act: 'list', limit: 100, ...(state ? { state } : {}) })).requests;
  const show: ApprovalScene['show'] = async (id) => (await ask<{ request: ApprovalView }>({ do: 'approvals', act: 'show', id, by: 'tests' })).request;
  return {
    ...scene,
    people,
    idToken,
    requests,
    show,
    request: async (state = 'pending') => until(async () => {
      const found = await requests(state);
      return found.length === 1 ? found[0] : undefined;
    }, 20_000, `one ${state} request`),
    answer: async (id, verdict, { subject = 'alice', groups = ['dba'], reason = 'agreed in the ticket', digest, idToken: given } = {}) =>
      askLocal(dataDir, { do: 'approvals', act: 'answer', id, verdict, reason, digest: digest ?? (await show(id)).digest, idToken: given ?? (await idToken(subject, groups)) }),
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      people.stop();
    },
  };
};
