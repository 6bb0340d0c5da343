import * as https from 'node:https';
import { startHttpScene, type Answered, type Asked, type HttpRole, type HttpScene, type HttpSceneOptions } from '../../e2e/http-scene.ts';
import type { Work } from '../soak.ts';

/** Sessions of HTTP end by idleness: soon enough to look at what is left between rounds. */
export const IDLE = { sessionIdle: '2s' };

/** Clients of one round. */
export interface Clients {
  readonly scene: HttpScene;
  /** `Authorization: Bearer` of this role, with a token of this round: those of the scene do not last for a long soak. */
  readonly bearer: (role: HttpRole) => Readonly<Record<string, string>>;
  /** One request; throws when its answer has another status. Counted. */
  readonly ask: (status: number, role: HttpRole, path: string, asked?: Asked) => Promise<Answered>;
  /** Kept connections, closed at the end of the round. */
  readonly agent: (options?: https.AgentOptions) => https.Agent;
  /** So many commands were sent in another way. */
  readonly count: (commands: number) => void;
}

/** A gateway with one connection of HTTP, or what `options` say, and a round of clients in front of it. */
export const startHttpWork = async (nodeArgs: readonly string[], options: HttpSceneOptions, round: (clients: Clients) => Promise<void>): Promise<Work> => {
  const scene = await startHttpScene({ ...options, nodeArgs, http: { ...IDLE, ...options.http } });
  return { gateway: scene.gateway, round: () => oneRound(scene, round), [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() };
};

/** The same, in a scene that was started before. @returns how many commands there were */
export const oneRound = async (scene: HttpScene, round: (clients: Clients) => Promise<void>): Promise<number> => {
  scene.target.clear();
  const tokens = { reader: await tokenOf(scene, 'reader'), writer: await tokenOf(scene, 'writer'), stranger: await tokenOf(scene, 'stranger') };
  const agents: https.Agent[] = [];
  let commands = 0;
  const bearer = (role: HttpRole): Record<string, string> => ({ Authorization: `Bearer ${tokens[role]}` });
  await round({
    scene, bearer,
    async ask(status, role, path, asked = {}) {
      commands += 1;
      const answered = await scene.ask(undefined, path, { ...asked, headers: { ...bearer(role), ...asked.headers } });
      if (answered.status !== status) throw new Error(`${asked.method ?? 'GET'} ${path} of ${role}: ${answered.status} instead of ${status}: ${answered.text.slice(0, 500)}`);
      return answered;
    },
    agent(more) {
      const agent = new https.Agent({ keepAlive: true, ca: scene.ca, ...more });
      agents.push(agent);
      return agent;
    },
    count: (more) => void (commands += more),
  });
  for (const agent of agents) agent.destroy();
  return commands;
};

/** A token that outlives a round. */
export const tokenOf = (scene: HttpScene, job: string): Promise<string> => scene.issuer.token({ claims: { job }, expiresIn: 900 });

/** One after another. */
export const inTurn = async (count: number, one: (n: number) => Promise<unknown>): Promise<void> => {
  for (let n = 0; n < count; n++) await one(n);
};
