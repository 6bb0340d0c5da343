import type { Client } from 'pg';
import { configuration, SETUP, TARGET_PASSWORD, tokenOf, type JobName } from '../../demo/data.ts';
import { connect } from '../../demo/statements.ts';
import type { EvidenceStatus } from '../../src/evidence/elsewhere.ts';
import { startGateway, type Gateway } from '../kit/gateway.ts';
import { startIssuer } from '../kit/issuer.ts';
import { startPeople, type PeopleProvider } from '../kit/people.ts';
import { freePort, releasePort } from '../kit/ports.ts';
import { startPostgres, type Postgres } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';
import { witnessProcess } from '../kit/witness.ts';

/** A job beside those of the demo, on a connection of its own, so that there is more than one of each to see. */
const BILLING = { name: 'billing-report', repository: 'acme/billing', ref: 'refs/heads/main' } as const;
export type PictureJob = JobName | typeof BILLING.name;

/** The demo's shop at work: real servers, a witness, and people who can sign in at `acme`. */
export interface PicturesScene {
  readonly gateway: Gateway;
  readonly people: PeopleProvider;
  readonly target: Postgres;
  readonly site: string;
  readonly connected: (job: PictureJob) => Promise<Client>;
  /** Resolves when the witness has cosigned so many records. */
  witnessed(records: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startPicturesScene = async (): Promise<PicturesScene> => {
  await using begun = new AsyncDisposableStack();
  const target = begun.use(await startPostgres({ version: 18, setup: SETUP }));
  const issuer = begun.use(await startIssuer());
  const people = begun.use(await startPeople({ redirectUris: ['http://127.0.0.1/oidc/callback'] }));
  const witness = begun.use(await witnessProcess({ name: 'witness.example/audit' }));
  const controlPort = await freePort();
  begun.defer(() => releasePort(controlPort));
  const site = `http://127.0.0.1:${controlPort}`;
  const config = withBilling(configuration({ issuer: issuer.issuer, login: people.login({ more: { name: 'acme' } }), controlPort, targetPort: target.port }));
  const gateway = begun.use(await startGateway(config, { env: { SHOP_DATABASE_PASSWORD: TARGET_PASSWORD, ...people.env } }));
  // A witness needs the key of the log, which the gateway makes at its first start.
  const key = gateway.logLines().find(({ msg }) => msg === 'ready')?.['key'];
  if (typeof key !== 'string') throw new Error(`the gateway did not tell its key:\n${gateway.log()}`);
  await witness.start([key]);
  await gateway.reload({ ...config, evidence: { witnesses: [{ name: 'audit-team', url: witness.url, key: witness.key }], quorum: 1 } });
  const witnessed = async (records: number): Promise<void> => {
    await until(async () => {
      const { stdout } = await gateway.cli('evidence', 'status', '--config', gateway.configFile, '--json');
      return ((JSON.parse(stdout) as EvidenceStatus).witnessed.witnessed?.size ?? 0) >= records;
    }, 30_000, `${records} records to be cosigned`);
  };
  const connected = async (job: PictureJob): Promise<Client> => {
    const { name, repository, ref } = BILLING;
    const token = job === name ? { sub: `repo:${repository}:ref:${ref}`, claims: { repository, ref } } : tokenOf(job);
    const connection = job === name ? 'billing' : 'shop';
    return connect({ PGHOST: 'localhost', PGPORT: String(gateway.port(connection)), PGDATABASE: connection, PGUSER: job, PGPASSWORD: await issuer.token(token), PGSSLMODE: 'verify-full', PGSSLROOTCERT: gateway.caFile });
  };
  const running = begun.move();
  return { gateway, people, target, site, connected, witnessed, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

type Entries = readonly Readonly<Record<string, unknown>>[];

const withBilling = (config: Readonly<Record<string, unknown>>): Record<string, unknown> & { readonly connections: Entries } => {
  const { identities, connections, policies } = config as { readonly identities: Entries; readonly connections: Entries; readonly policies: Entries };
  const { name, repository, ref } = BILLING;
  return {
    ...config,
    identities: [...identities, { name, purpose: 'sums for the finance team', owner: { contact: 'payments@acme.example', group: 'acme/engineering' }, provider: 'ci', claims: { repository, ref } }],
    connections: [...connections, { ...connections[0], name: 'billing' }],
    policies: [...policies, { name, identities: [name], connections: ['billing'], allow: ['read', 'session'], mask: [{ columns: ['customers.ssn', 'customers.email'], transform: { partial: 4 } }] }],
  };
};
