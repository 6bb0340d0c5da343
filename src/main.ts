import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
import { Spools } from './approvals/spool.ts';
import { version } from './build.ts';
import { compare, restartNeeded } from './config/compare.ts';
import { load } from './config/load.ts';
import { formatProblem } from './config/problems.ts';
import { isHttp, isPostgres } from './config/protocols.ts';
import type { Config, ConnectionConfig } from './config/resolved.ts';
import { watchForRename } from './config/watch.ts';
import { answerApprovals } from './control/approvals.ts';
import { startApprovals } from './control/approvals-service.ts';
import { startChannels } from './control/channels.ts';
import type { Readiness } from './control/http/health.ts';
import { answerOf, startLocal, type LocalAnswer, type LocalRequest } from './control/local.ts';
import { createMetrics } from './control/metrics.ts';
import { startControl, type RunningControl } from './control/start.ts';
import { answerSteward } from './control/steward.ts';
import type { AppendLog } from './evidence/append-log.ts';
import { Elsewhere } from './evidence/elsewhere.ts';
import { unwrapKek } from './evidence/key-command.ts';
import { openEvidenceLog, type EvidenceAlert, type EvidenceLogOptions } from './evidence/open.ts';
import { Steward } from './evidence/retention/steward.ts';
import { surveyInThread } from './evidence/retention/survey-thread.ts';
import { followLog } from './evidence/search/follow.ts';
import { createIdentities } from './identity/identities.ts';
import { createPeople } from './identity/people.ts';
import { createCertificates } from './listeners/certificates.ts';
import { interceptionFor, type Interception } from './listeners/interception.ts';
import { startListeners } from './listeners/listeners.ts';
import { refusal } from './model/decision.ts';
import type { Logger } from './model/logger.ts';
import { createGate } from './pipeline/open.ts';
import { compilePolicies } from './policy/compile.ts';
import type { HttpProtocol } from './protocols/http/serve.ts';
import { explainText } from './protocols/postgres/explain-text.ts';
import { PostgresProtocol } from './protocols/postgres/serve.ts';
import { keyFile } from './secrets/key-file.ts';
import { createSecrets } from './secrets/secrets.ts';
import { createPostgresUnderstander } from './sql/postgres/understand.ts';
import { openState } from './store/state.ts';

/** How long sessions may go on after SIGTERM before they are ended. */
const DRAIN_MS = 10_000;
/** How long clients are given to read why their session ended. */
const FAREWELL_MS = 1_500;
/** How often an invalid configuration is mentioned again. */
const NAG_MS = 60_000;
/** How often it is looked whether evidence can still be written, to say so in the log. */
const LOOK_MS = 500;

/** The configuration does not start a gateway. The message has one line for each problem. */
export class ConfigurationRefused extends Error {
  override name = 'ConfigurationRefused';
}

export interface RunningGateway {
  /** Reads the configuration again; all or nothing. */
  reload(): Promise<LocalAnswer>;
  /** Stops accepting, lets sessions end, ends the rest, closes the evidence log. */
  stop(): Promise<void>;
}

/** What benchmarks and fault tests put in the place of the real thing. Nothing of the command line reaches it. */
export interface GatewayPorts {
  readonly openLog?: (options: EvidenceLogOptions) => Promise<EvidenceStore>;
}

/** What the gateway needs of its evidence log. */
export type EvidenceStore = Pick<AppendLog, 'append' | 'unavailable' | 'room' | 'close' | 'stats' | 'openRecording' | 'keys' | 'name'> & Partial<Pick<AppendLog, 'tree'>>;

const tellAlert = (log: Logger, alert: EvidenceAlert): void => {
  switch (alert.kind) {
    case 'disk_space':
      log.warn({ free: alert.free, total: alert.total }, 'the evidence disk is nearly full');
      return;
    case 'checkpoint':
      log.error({ reason: alert.reason }, 'checkpoints of the evidence log are not signed or not shown');
      return;
    case 'self_check':
      log.error({ found: alert.found }, 'the evidence log does not verify: run wicketgate evidence verify');
      return;
    case 'clock':
      log.warn({ by: alert.by }, 'the clock was set');
  }
};

const loadOrRefuse = async (where: string): Promise<Config> => {
  const loaded = await load(where);
  if (!loaded.ok) throw new ConfigurationRefused(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
};

/** The only place that constructs and connects. */
export const startGateway = async (where: string, log: Logger, { openLog = openEvidenceLog }: GatewayPorts = {}): Promise<RunningGateway> => {
  let config = await loadOrRefuse(where);
  let policies = compilePolicies(config);
  const closers: (() => void | Promise<void>)[] = [];
  let degraded: string | undefined;
  let draining = false;
  let elsewhere: Elsewhere | undefined;
  let control: RunningControl | undefined;

  const undo = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };

  try {
    const kek = config.gateway.keyCommand && (await unwrapKek(config.gateway.keyCommand, config.gateway.keys));
    const evidence = await openLog({
      folder: join(config.gateway.data, 'evidence'),
      keysFolder: config.gateway.keys,
      ...(kek ? { kek } : {}),
      instance: 'gateway-1',
      build: version,
      config: config.digest,
      onAlert: (alert) => tellAlert(log, alert),
      onSigned: async () => elsewhere?.finish(),
    });
    closers.push(() => evidence.close());
    const state = openState(config.gateway.data);
    closers.push(() => state.close());
    const certificates = await createCertificates(config.gateway, { log });
    closers.push(() => certificates.close());
    let interception = await interceptionFor(config);
    const secrets = createSecrets();
    const { tree } = evidence;
    elsewhere = tree && new Elsewhere({ config: config.evidence, name: evidence.name, folder: join(config.gateway.data, 'evidence'), tree, secrets, log });
    elsewhere?.start();
    const identities = createIdentities(config, { clock: Date.now, once: state.once, revocations: state.revocations, log });
    closers.push(() => identities.close());
    const understander = createPostgresUnderstander();
    closers.push(() => understander.close());

    let clients = (): number => 0;
    const metrics = createMetrics({ stats: () => evidence.stats, available: () => evidence.unavailable === undefined, clients: () => clients(), checkpoints: () => elsewhere?.status, channels: () => channels.status });
    const approvals = startApprovals({ config: () => config, evidence, store: state.approvals, log, recorded: (record) => metrics.approval(record) });
    closers.push(() => approvals.close());
    const steward = new Steward({ log: evidence, retention: () => config.retention, survey: () => surveyInThread(join(config.gateway.data, 'evidence')) });
    const channels = startChannels({ config: () => config, approvals, told: state.told, accounts: state.accounts, once: state.once, secrets, access: (access) => steward.access(access), log });
    closers.push(() => channels.close());
    const people = createPeople(() => config.control.login, { clock: Date.now, log, proved: (person, claims) => channels.proved(person, claims) });
    const gate = createGate({
      config,
      policies,
      identities,
      revocations: state.revocations,
      log: evidence,
      openRecording: (connection, cap, stream) => evidence.openRecording(connection, cap, stream),
      maskKey: keyFile(join(config.gateway.keys, 'mask.key')),
      observe: metrics.observer,
      approvals,
      protected: state.protected,
      onUnmatchedMasks: (connection, patterns) => log.warn({ connection, patterns }, 'masks name columns that the target does not have, and protect nothing by these names'),
    });
    closers.push(() => gate.close());
    state.revocations.onChange(({ revoked }) => {
      for (const identity of revoked) {
        evidence.append({ kind: 'revocation', identity, by: state.revocations.list().find((one) => one.identity === identity)?.by ?? 'unknown' });
        const ended = gate.endIdentity(identity);
        log.warn({ identity, ended }, 'identity revoked');
      }
    });

    const contextAsking = (): SecureContext | undefined => {
      const authorities = identities.clientAuthorities;
      return authorities === undefined ? undefined : certificates.contextAsking(authorities);
    };
    const postgres = new PostgresProtocol({ gate, config: () => config, secureContext: () => certificates.secureContext(), contextAsking, secrets, understander, spools: new Spools(join(config.gateway.data, 'spool')), log });
    closers.push(() => postgres.close());
    /** With what it needs it is 3 MB: loaded when a connection speaks it. */
    let http: HttpProtocol | undefined;
    const speakHttp = async ({ connections }: Config): Promise<void> => {
      if (http !== undefined || !connections.some(isHttp)) return;
      const { HttpProtocol } = await import('./protocols/http/serve.ts');
      http = new HttpProtocol({ gate, config: () => config, secureContext: () => certificates.secureContext(), contextAsking, secrets, intercept: () => interception, log });
    };
    await speakHttp(config);
    closers.push(() => http?.close());
    /** One address speaks one protocol. */
    const serve = (socket: Socket, offered: () => readonly ConnectionConfig[], loggedIn: () => void): Promise<void> =>
      // A connection of HTTP carries many requests: each is of what is offered when it comes.
      http !== undefined && offered().some(isHttp) ? http.serve(socket, () => offered().filter(isHttp), loggedIn) : postgres.serve(socket, offered().filter(isPostgres), loggedIn);
    const listeners = await startListeners({ config: () => config, serve, log });
    clients = () => listeners.open;
    closers.push(() => listeners.stop());

    const refuseConfig = (reason: string): LocalAnswer => {
      degraded = reason;
      metrics.configuration(false);
      control?.configChanged();
      evidence.append({ kind: 'config_change', config: config.digest, policy: policies.version, accepted: false, changes: [] });
      log.error({ reason }, 'the new configuration is refused; the old one stays in force');
      return { ok: false, error: reason };
    };

    let reloading: Promise<LocalAnswer> | undefined;
    const readAgain = async (): Promise<LocalAnswer> => {
      const loaded = await load(where);
      if (!loaded.ok) return refuseConfig(loaded.problems.map(formatProblem).join('\n'));
      const next = loaded.config;
      const restart = restartNeeded(config, next);
      if (restart.length > 0) return refuseConfig(`needs a restart: ${restart.join('; ')}`);
      let nextPolicies;
      let nextInterception: Interception | undefined;
      try {
        nextInterception = await interceptionFor(next, interception);
        await speakHttp(next);
        nextPolicies = compilePolicies(next);
        identities.replace(next);
        elsewhere?.replace(next.evidence);
      } catch (error) {
        return refuseConfig(error instanceof Error ? error.message : 'cannot be honoured');
      }
      const changes = compare(config, next);
      config = next;
      policies = nextPolicies;
      interception = nextInterception;
      gate.replace(next, nextPolicies);
      degraded = undefined;
      metrics.configuration(true);
      channels.replace();
      control?.configChanged();
      evidence.append({ kind: 'config_change', config: next.digest, policy: nextPolicies.version, accepted: true, changes: changes.slice(0, 200) });
      for (const change of changes) log.info({ change }, 'configuration changed');
      log.info({ config: next.digest, changes: changes.length }, 'configuration in force');
      return { ok: true, result: { config: next.digest, changes } };
    };
    /** One at a time: a second request while one runs waits and then reads again. */
    const reload = async (): Promise<LocalAnswer> => {
      while (reloading) await reloading;
      reloading = readAgain().finally(() => (reloading = undefined));
      return reloading;
    };
    const nag = setInterval(() => {
      if (degraded !== undefined) log.error({ reason: degraded }, 'degraded: the newest configuration is refused, an older one is in force');
    }, NAG_MS);
    nag.unref();
    closers.push(() => clearInterval(nag));
    let told = false;
    const look = setInterval(() => {
      const reason = evidence.unavailable;
      if (told === (reason !== undefined)) return;
      told = reason !== undefined;
      if (told) log.error({ reason }, 'evidence cannot be written: commands are refused');
      else log.info({}, 'evidence can be written again');
    }, LOOK_MS);
    look.unref();
    closers.push(() => clearInterval(look));
    if (config.gateway.reload === 'watch') {
      const watching = await watchForRename(where, () => void reload(), { onProblem: (problem) => log.error({ problem }, 'the configuration cannot be watched') });
      closers.push(() => watching.close());
    }

    const readiness = (): Readiness => {
      const details: Record<string, string> = {};
      if (draining) details['draining'] = 'the gateway is stopping';
      if (evidence.unavailable !== undefined) details['evidence'] = evidence.unavailable;
      for (const { provider, lastError } of identities.status()) if (lastError !== undefined) details[`keys of ${provider}`] = lastError;
      const late = elsewhere?.late ?? [];
      if (late.length > 0) details['evidence kept elsewhere'] = late.join('; ');
      if (channels.late.length > 0) details['channels'] = channels.late.join('; ');
      if (degraded !== undefined) details['configuration'] = 'degraded: the newest configuration is refused';
      return { ready: !draining && evidence.unavailable === undefined, details };
    };
    if (config.control.listen) {
      const started = await startControl(config.control.listen, {
        config: () => config,
        policies: () => policies,
        evidence,
        folders: { data: config.gateway.data, log: join(config.gateway.data, 'evidence'), keys: config.gateway.keys },
        kek,
        logger: log,
        checkpoints: () => elsewhere?.status,
        head: () => tree?.latest(),
        late: () => elsewhere?.late ?? [],
        readiness,
        steward,
        revocations: state.revocations,
        gate,
        approvals,
        channels,
        signedIn: state.signedIn,
        explain: async (text, connection, searchPath) =>
          isHttp(connection)
            ? { ...(await (await import('./protocols/http/explain-text.ts')).explainRequest(text, connection)), catalog: 'none', searchPath: [], searchPathFrom: 'default' }
            : explainText(text, connection, { understander, namesOf: (one) => postgres.namesOf(one) }, searchPath),
        build: version,
        metrics,
        secrets,
        people,
      });
      control = started;
      closers.push(() => started.close());
    }
    if (openLog === openEvidenceLog) {
      const following = followLog({
        folder: join(config.gateway.data, 'evidence'),
        indexes: join(config.gateway.data, 'search'),
        keysFolder: config.gateway.keys,
        ...(kek ? { kek } : {}),
        onProblem: (problem) => log.warn({ problem }, 'the search index is not kept in step; a search takes in what is missing'),
      });
      closers.push(() => following.close());
    }
    const answer = async (request: LocalRequest): Promise<LocalAnswer> => {
      switch (request.do) {
        case 'reload':
          return reload();
        case 'sessions':
          return { ok: true, result: [...gate.live.values()].map(({ session }) => ({ id: session.id, identity: session.principal.identity, connection: session.connection, peer: session.peer.address, openedAt: new Date(session.openedAt).toISOString() })) };
        case 'terminate':
          return gate.endSession(request.session) ? { ok: true, result: { session: request.session } } : { ok: false, error: `no live session ${request.session}` };
        case 'evidence':
          return elsewhere ? { ok: true, result: elsewhere.status } : { ok: false, error: 'this log has no checkpoints' };
        case 'rotate_key':
          return tree ? answerOf(tree.rotate(evidence).then((vkey) => ({ vkey }))) : { ok: false, error: 'this log has no checkpoints' };
        case 'hold':
        case 'purge':
        case 'access':
          return answerSteward(steward, request);
        case 'bootstrap':
          return control ? answerOf(control.offerBootstrap(request.by)) : { ok: false, error: 'control.listen is off, so nobody can sign in' };
        case 'action':
          return control ? control.atTerminal(request) : { ok: false, error: 'control.listen is off, so the gateway has no control plane' };
        case 'approvals':
          return answerApprovals({ approvals, people, access: (access) => steward.access(access) }, request);
        default:
          return { ok: false, error: 'unknown request' };
      }
    };
    const local = await startLocal(config.gateway.data, answer);
    closers.push(() => void local.close());

    await Promise.all([identities.ready(), people.ready()]);
    log.info({ version, evidence: evidence.name, ...(tree && { key: tree.vkey }), config: config.digest, policy: policies.version, connections: config.connections.length }, 'ready');

    const drainAndClose = async (): Promise<void> => {
      draining = true;
      log.info({ sessions: gate.live.size }, 'stopping');
      listeners.stop();
      gate.drain(refusal('shutting_down', 'the gateway is stopping; connect again'));
      http?.drain();
      const until = performance.now() + DRAIN_MS;
      while (gate.live.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
      gate.endAll(refusal('shutting_down', 'the gateway is stopping; connect again'));
      const end = performance.now() + 2_000;
      while (gate.live.size > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
      // A session is over before its client has read why.
      const read = performance.now() + FAREWELL_MS;
      while (listeners.open > 0 && performance.now() < read) await new Promise((resolve) => setTimeout(resolve, 10));
      listeners.close();
      await undo();
      log.info({}, 'stopped');
    };
    /** Asked again, it is the same stop: nobody ends the process while the first one waits for sessions and evidence. */
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopping ??= drainAndClose());
    return { reload, stop };
  } catch (error) {
    await undo();
    throw error;
  }
};
