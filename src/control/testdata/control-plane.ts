import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config/resolved.ts';
import { load } from '../../config/load.ts';
import type { AppendLog } from '../../evidence/append-log.ts';
import { openEvidenceLog } from '../../evidence/open.ts';
import { Steward } from '../../evidence/retention/steward.ts';
import { survey } from '../../evidence/retention/survey.ts';
import type { Logger } from '../../model/logger.ts';
import type { Person } from '../../model/person.ts';
import { compilePolicies } from '../../policy/compile.ts';
import { RefusalCounter } from '../../pipeline/refusals.ts';
import { openState, type State } from '../../store/state.ts';
import { tempFolder } from '../../../test/kit/temp.ts';
import { ACTIONS } from '../actions/all.ts';
import { openApi } from '../api/openapi.ts';
import { Deeds } from '../deeds.ts';
import { buildServer } from '../http/server.ts';
import { Jobs } from '../jobs/jobs.ts';
import { LiveEvents } from '../live.ts';
import { createReader } from '../reading/reader.ts';
import type { Services } from '../services.ts';
import { AttemptSeal } from '../sign-in/attempt.ts';
import { SignedInPeople } from '../sign-in/person-sessions.ts';
import { SignIn } from '../sign-in/sign-in.ts';
import { siteOf } from '../sign-in/site.ts';

export const ORIGIN = 'http://127.0.0.1:7080';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

const CONFIG = `version: 1
gateway: { data: ./data, keys: ./keys }
control:
  listen: 127.0.0.1:7080
  login: [ { name: acme, issuer: http://127.0.0.1:9, clientId: wicketgate, allowPrivate: true } ]
  roles:
    admin: { groups: [acme/admins] }
    approver: { groups: [acme/approvers] }
    auditor: { groups: [acme/auditors] }
    viewer: { groups: [acme/viewers] }
identityProviders: [ { name: ci, issuer: http://127.0.0.1:9, audience: machines, allowPrivate: true } ]
identities:
  - { name: jobs, owner: { contact: jobs@acme.example }, provider: ci, claims: { job: jobs } }
connections:
  - { name: shop, protocol: postgres, listen: 127.0.0.1:6432, target: { host: 127.0.0.1, port: 5432, database: shop, tls: disable }, credential: { username: app, password: 'env:SHOP_PASSWORD' } }
policies:
  - { name: reading, identities: [jobs], connections: [shop], allow: [read] }
`;

/** Somebody, as they are right after signing in. */
export interface Browser {
  readonly cookie: string;
  readonly csrf: string;
}

export interface ControlPlane {
  readonly server: FastifyInstance;
  readonly services: Services;
  readonly state: State;
  readonly evidence: AppendLog;
  readonly refusals: RefusalCounter;
  readonly config: () => Config;
  /** Puts a changed configuration in force. */
  change(change: (config: Config) => Config): void;
  /** Milliseconds that can be moved. */
  readonly clock: { now: number };
  signIn(...groups: readonly string[]): Browser;
  person(...groups: readonly string[]): Person;
  close(): Promise<void>;
}

/** The control plane over a real log, state and configuration, without a gateway around it and without a socket. */
export const startControlPlane = async (): Promise<ControlPlane> => {
  const folder = tempFolder('control');
  writeFileSync(folder.file('wicketgate.yaml'), CONFIG);
  const loaded = await load(folder.file('wicketgate.yaml'), { SHOP_PASSWORD: 'secret-of-the-target' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  let config = loaded.config;
  const { data, keys } = config.gateway;
  const logFolder = join(data, 'evidence');
  const evidence = await openEvidenceLog({ folder: logFolder, keysFolder: keys, instance: 'gw', build: 'b', config: config.digest, segmentBytes: 1024 * 1024 });
  const state = openState(data);
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const logins = () => config.control.login;
  const people = new SignedInPeople({ store: state.signedIn.sessions, logins, now });
  const deeds = new Deeds(evidence, () => config);
  const live = new LiveEvents(() => [], now);
  const jobs = new Jobs({ logFolder, keysFolder: keys, kek: undefined, packs: join(data, 'exports'), now: Date.now, changed: () => {} });
  const policies = compilePolicies(config);
  const reader = createReader({ folder: logFolder, indexes: join(data, 'search'), keysFolder: keys });
  const services: Services = {
    config: () => config,
    policies: () => policies,
    evidence,
    folders: { data, log: logFolder, keys },
    kek: undefined,
    logger: quiet,
    checkpoints: () => undefined,
    head: () => undefined,
    channels: { handleSlackInteraction: async () => ({ status: 404, body: '' }), status: [] },
    late: () => [],
    readiness: () => ({ ready: true, details: {} }),
    steward: new Steward({ log: evidence, retention: () => config.retention, survey: () => survey(logFolder) }),
    revocations: state.revocations,
    gate: { live: new Map(), endSession: () => false },
    approvals: undefined,
    signedIn: state.signedIn,
    explain: async () => ({ command: { protocol: 'postgres', verb: 'select', effects: [{ class: 'read', verb: 'select' }], timing: 'read', facts: {}, recorded: '', bytes: 8 }, catalog: 'none', searchPath: ['pg_catalog', 'public'], searchPathFrom: 'default', objection: () => undefined }),
    build: 'b',
    deeds,
    reader,
    jobs,
    live,
    people,
    openapi: () => JSON.stringify(openApi(ACTIONS)),
    startedAt: clock.now,
    now,
  };
  const signIn = new SignIn({ logins, verify: () => Promise.reject(new Error('not reached')), secrets: { lease: () => Promise.reject(new Error('none')) }, signedIn: state.signedIn, sessions: people, deeds, isAdmin: () => false, log: quiet, now });
  const refusals = new RefusalCounter(evidence);
  const server = buildServer({ services, refusals, actions: ACTIONS, metrics: { render: async () => '', contentType: 'text/plain' }, site: () => siteOf(config.control), signIn: { signIn, seal: new AttemptSeal(Buffer.alloc(32, 7)) }, page: '' });
  await server.ready();
  const person = (...groups: readonly string[]): Person => ({ provider: 'acme', issuer: 'http://127.0.0.1:9', subject: `subject-${groups.join('-')}`, name: 'Ada Example', groups: groups.map((group) => `acme/${group}`), accounts: {} });
  return {
    server,
    services,
    state,
    evidence,
    refusals,
    config: () => config,
    change: (change) => {
      config = change(config);
    },
    clock,
    person,
    signIn: (...groups) => {
      const begun = people.begin(person(...groups));
      if (!begun) throw new Error('no login');
      return { cookie: `wicketgate=${begun.cookie}`, csrf: people.find(begun.cookie)?.csrf ?? '' };
    },
    close: async () => {
      await server.close();
      refusals.close();
      await reader.close();
      await jobs.close();
      state.close();
      await evidence.close();
      folder.remove();
    },
  };
};
