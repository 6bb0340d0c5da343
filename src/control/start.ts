import { join } from 'node:path';
import { createReader } from './reading/reader.ts';
import { keyFile } from '../secrets/key-file.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { RefusalCounter } from '../pipeline/refusals.ts';
import type { People } from '../identity/people.ts';
import { ACTIONS } from './actions/all.ts';
import { openApi } from './api/openapi.ts';
import { answerAtTerminal, type ActionRequest } from './at-terminal.ts';
import { Deeds } from './deeds.ts';
import { pageFolder } from './http/page.ts';
import { buildServer } from './http/server.ts';
import { Jobs } from './jobs/jobs.ts';
import { LiveEvents } from './live.ts';
import type { LocalAnswer } from './local.ts';
import type { Metrics } from './metrics.ts';
import type { GatewayParts, Services } from './services.ts';
import { AttemptSeal } from './sign-in/attempt.ts';
import { SignedInPeople } from './sign-in/person-sessions.ts';
import { groupsOfRole } from './sign-in/roles.ts';
import { SignIn } from './sign-in/sign-in.ts';
import { siteOf } from './sign-in/site.ts';

export interface ControlParts extends GatewayParts {
  readonly metrics: Metrics;
  readonly secrets: Secrets;
  readonly people: People;
  readonly now?: () => number;
  /** The built page. Default: where the build puts it. */
  readonly page?: string;
}

/** The control plane that runs. */
export interface RunningControl {
  /** Another configuration is in force, or one was refused. */
  configChanged(): void;
  /** A link for the first administrator. Rejects with words for people. */
  offerBootstrap(by: string): Promise<{ readonly url: string; readonly until: number }>;
  /** What a person asks of the API at a terminal of this machine. */
  atTerminal(request: ActionRequest): Promise<LocalAnswer>;
  close(): Promise<void>;
}

/** How often it is looked whether evidence can still be written, to tell pages. */
const LOOK_MS = 1000;

/** Health, readiness, metrics, the API and the page. Rejects when the address cannot be had. */
export const startControl = async (listen: { readonly host: string; readonly port: number }, { metrics, secrets, people: verifier, now = Date.now, page = pageFolder(), ...gateway }: ControlParts): Promise<RunningControl> => {
  const { config, folders, kek, evidence, logger, signedIn, revocations, approvals } = gateway;
  const logins = () => config().control.login;
  const site = () => siteOf({ ...config().control, listen });
  const deeds = new Deeds(evidence, config);
  const people = new SignedInPeople({ store: signedIn.sessions, logins, now });
  const live = new LiveEvents(() => gateway.gate.live.keys(), now);
  const reader = createReader({ folder: folders.log, indexes: join(folders.data, 'search'), keysFolder: folders.keys, ...(kek ? { kek } : {}) });
  const jobs = new Jobs({ logFolder: folders.log, keysFolder: folders.keys, kek, packs: join(folders.data, 'exports'), now, changed: ({ id, state }) => live.tell('job', id, state) });
  let described: string | undefined;
  const services: Services = { ...gateway, deeds, reader, jobs, live, people, openapi: () => (described ??= JSON.stringify(openApi(ACTIONS))), startedAt: now(), now };
  const isAdmin = ({ groups }: { readonly groups: readonly string[] }): boolean => groupsOfRole(config(), 'admin').some((group) => groups.includes(group));
  const signIn = new SignIn({ logins, verify: (token, options) => verifier.verify(token, options), secrets, signedIn, sessions: people, deeds, isAdmin, log: logger, now });
  const refusals = new RefusalCounter(evidence);
  const server = buildServer({ services, refusals, actions: ACTIONS, metrics, site, signIn: { signIn, seal: new AttemptSeal(keyFile(join(folders.keys, 'control.key'))) }, page });

  const quiet = [
    revocations.onChange(({ revoked, restored }) => {
      for (const id of revoked) live.tell('identity', id, 'revoked');
      for (const id of restored) live.tell('identity', id, 'restored');
    }),
    approvals?.onChange(({ id, state }) => live.tell('approval', id, state)),
  ];
  let told = evidence.unavailable;
  const look = setInterval(() => {
    if (evidence.unavailable === told) return;
    told = evidence.unavailable;
    live.tell('evidence', undefined, told === undefined ? 'available' : 'unavailable');
  }, LOOK_MS);
  look.unref();

  const close = async (): Promise<void> => {
    clearInterval(look);
    for (const end of quiet) end?.();
    live.close();
    server.server.closeAllConnections();
    await server.close();
    refusals.close();
    await Promise.all([reader.close(), jobs.close()]);
  };
  try {
    await server.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    await close();
    throw error;
  }
  return { configChanged: () => live.tell('config'), offerBootstrap: (by) => signIn.offerBootstrap(site(), by), atTerminal: (request) => answerAtTerminal({ server, people: verifier, config, administrators: signedIn.administrators }, request), close };
};
