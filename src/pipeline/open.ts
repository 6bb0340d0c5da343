import type { Approvals } from '../approvals/approvals.ts';
import type { Config, MaskConfig } from '../config/resolved.ts';
import type { EvidenceLog, RecordedStream, Recording, Ticket } from '../evidence/log.ts';
import type { Identities } from '../identity/identities.ts';
import { certificateName, isCertificateName, type Revocations } from '../identity/revocations.ts';
import { compileMasks } from '../masking/compile.ts';
import type { MaskSet } from '../masking/plan.ts';
import { ProtectionMemory, type ProtectionStore } from '../masking/protection-memory.ts';
import { isRefusal, refusal, type Refusal } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import { RateCounter, SessionCounter } from '../policy/limits.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { RowBudget } from '../policy/row-budget.ts';
import type { Gate, GatedSession } from './gate.ts';
import { OpenSession, type PipelineObserver, type Standing } from './open-session.ts';
import { recordedPrincipal } from './records.ts';
import { RefusalCounter } from './refusals.ts';
import { newSessionId } from './session-id.ts';

/** How often the certificates of live sessions are looked at, in milliseconds. With how often their files are, well below the 2 s in which a session ends. */
const LOOK_AT_CERTIFICATES = 500;

export interface GateParts {
  readonly config: Config;
  readonly policies: PolicySet;
  readonly identities: Identities;
  readonly revocations: Revocations;
  readonly log: EvidenceLog;
  readonly openRecording: (connection: string, cap: number, stream?: RecordedStream) => Recording;
  /** Key of the hash transform: stable for a deployment, so that equal values stay equal. */
  readonly maskKey: Buffer;
  readonly observe: PipelineObserver;
  /** Where columns that were protected once are remembered beyond this process. */
  readonly protected?: ProtectionStore;
  /** Who is asked for approval, where somebody can be. */
  readonly approvals?: Approvals;
  /** Column patterns of masks that match nothing at the connection's target; each is told once. */
  readonly onUnmatchedMasks?: (connection: string, patterns: readonly string[]) => void;
}

/** The gate with the handles that `main.ts` needs and protocols do not. */
export interface RunningGate extends Gate {
  /** Puts a new configuration in force; sessions that may no longer exist end. */
  replace(config: Config, policies: PolicySet): void;
  /** Ends every session of an identity, or of a certificate. */
  endIdentity(identity: string): number;
  /** Ends one session. */
  endSession(id: string): boolean;
  /** Sessions end as soon as they are between transactions. */
  drain(why: Refusal): void;
  /** Ends all sessions with the given word. */
  endAll(why: Refusal): void;
  readonly live: ReadonlyMap<string, OpenSession>;
  close(): void;
}

/** Why it could not be made durable, if so. Apart from where it is waited for: there it would be kept for as long as the session lives. */
const durable = (ticket: Ticket): Promise<string | undefined> => new Promise((done) => ticket.whenDurable(done));

export const createGate = (parts: GateParts): RunningGate => {
  const { log, identities, revocations } = parts;
  let { config, policies } = parts;
  let draining: Refusal | undefined;
  const live = new Map<string, OpenSession>();
  const rate = new RateCounter();
  const rowBudget = new RowBudget();
  const sessions = new SessionCounter();
  const refusals = new RefusalCounter(log);

  const toldUnmatched = new Set<string>();
  const tellUnmatched = (connection: string, patterns: readonly string[]): void => {
    const news = patterns.filter((pattern) => !toldUnmatched.has(`${connection} ${pattern}`));
    for (const pattern of news) toldUnmatched.add(`${connection} ${pattern}`);
    if (news.length > 0) parts.onUnmatchedMasks?.(connection, news);
  };

  // What was protected once stays so on that target, under whatever name: remembered across sessions and reloads.
  const memory = new ProtectionMemory(parts.protected);
  /** Sessions with the same masks on the same connection share one set, and with it what it has worked out. */
  let maskSets = new Map<string, MaskSet>();
  const masksOf = (connection: string, masks: readonly MaskConfig[]): MaskSet => {
    const key = JSON.stringify([connection, masks.map(({ name }) => name)]);
    let set = maskSets.get(key);
    if (!set) {
      set = compileMasks(masks, { hash: parts.maskKey }, memory.of(connection), (patterns) => tellUnmatched(connection, patterns));
      maskSets.set(key, set);
    }
    return set;
  };

  /** What the configuration in force says of this principal on this connection. */
  const standing = (principal: Principal, connectionName: string): Standing | Refusal => {
    const connection = config.connections.find(({ name }) => name === connectionName);
    if (!connection) return refusal('unknown_connection', 'no such connection');
    if (revocations.isRevoked(principal.identity)) return refusal('revoked', `identity ${principal.identity} is revoked`);
    const policy = policies.forSession(principal, connectionName);
    if (!policy) return refusal('not_granted', `no policy lets ${principal.identity} reach ${connectionName}`);
    return { config, connection, policy, masks: masksOf(connectionName, policy.masks) };
  };

  const open: Gate['open'] = async ({ credential, connection, peer }) => {
    const verified = await identities.authenticate(credential, peer);
    await log.room;
    // Asked again at once: a reload meanwhile may have taken the identity away, or made it another. From here to the
    // session's registration nothing waits.
    const principal = isRefusal(verified) ? verified : identities.rematch(verified);
    if (isRefusal(principal)) {
      refusals.count(peer.address, principal.code, connection, principal.reason);
      return principal;
    }
    const refuse = (refused: Refusal): Refusal => {
      // Somebody known: a record of its own, by name.
      log.append({ kind: 'refusal', code: refused.code, connection, identity: principal.identity });
      return refused;
    };
    const stands = standing(principal, connection);
    if (isRefusal(stands)) return refuse(stands);
    if (draining) return draining;
    if (log.unavailable !== undefined) return refuse(refusal('evidence_unavailable', `evidence cannot be written, so no session may open: ${log.unavailable}`));
    const most = stands.policy.limits.concurrentSessions;
    const counted = `${principal.identity} ${connection}`;
    if (!sessions.enter(counted, most)) return refuse(refusal('limit', `${principal.identity} has ${most} sessions on ${connection} already`));

    const id = newSessionId();
    const session = { id, principal, connection, protocol: stands.connection.protocol, peer, openedAt: Date.now() };
    const opened = new OpenSession(
      {
        session,
        log,
        rate,
        rowBudget,
        approvals: parts.approvals,
        openRecording: parts.openRecording,
        observe: parts.observe,
        closed: () => {
          live.delete(id);
          sessions.leave(counted);
          parts.observe.sessionClosed(connection);
        },
      },
      stands,
    );
    // Registered before the wait, so that a revocation meanwhile finds it.
    live.set(id, opened);
    parts.observe.sessionOpened(connection);
    const ticket = log.append(
      {
        kind: 'session_open',
        session: id,
        connection,
        protocol: session.protocol,
        principal: recordedPrincipal(principal),
        peer: { address: peer.address, tls: peer.tls },
        policy: policies.version,
        config: config.digest,
        mode: stands.connection.evidence.mode,
      },
      [{ part: 'principal', connection, bytes: Buffer.from(JSON.stringify({ subject: principal.subject, requester: principal.requester, author: principal.author })) }],
    );
    const failure = await durable(ticket);
    if (failure !== undefined) {
      opened.close('evidence unavailable');
      return refusal('evidence_unavailable', `evidence cannot be written, so no session may open: ${failure}`);
    }
    return opened satisfies GatedSession;
  };

  const replace: RunningGate['replace'] = (nextConfig, nextPolicies) => {
    config = nextConfig;
    policies = nextPolicies;
    maskSets = new Map();
    for (const opened of live.values()) {
      const { principal, connection } = opened.session;
      // The token was verified when the session opened; whether its claims still make this identity is asked again.
      const again = identities.rematch(principal);
      const stands = isRefusal(again) ? again : standing(again, connection);
      const same = isRefusal(stands) || stands.connection.protocol === opened.session.protocol;
      if (!same) opened.terminate(refusal('revoked', 'the connection speaks another protocol now', { session: opened.session.id }));
      else if (isRefusal(stands)) opened.terminate({ ...stands, code: 'revoked', session: opened.session.id });
      else opened.replace(stands);
    }
  };

  // A certificate expires, or is revoked by its CA, without anybody telling: the sessions that rest on one are looked at.
  const lapses = setInterval(() => {
    for (const opened of live.values()) {
      const lapsed = identities.lapsed(opened.session.principal);
      if (lapsed !== undefined) opened.terminate(refusal('revoked', lapsed.reason === 'certificate_expired' ? 'the client certificate has expired' : 'the client certificate is not accepted any more', { session: opened.session.id }));
    }
  }, LOOK_AT_CERTIFICATES);
  lapses.unref();

  const endWhere = (which: (opened: OpenSession) => boolean, why: (opened: OpenSession) => Refusal): number => {
    const chosen = [...live.values()].filter(which);
    for (const opened of chosen) opened.terminate(why(opened));
    return chosen.length;
  };

  return {
    open,
    identityOf: (certificate, peer) => identities.identityOf(certificate, peer),
    refusedBeforeLogin: (peer, code, connection) => refusals.count(peer.address, code, connection),
    replace,
    endIdentity: (identity) =>
      endWhere(({ session: { principal } }) => principal.identity === identity || (principal.certificate !== undefined && certificateName(principal.certificate.fingerprint) === identity), ({ session }) => refusal('revoked', isCertificateName(identity) ? 'the client certificate is revoked' : `identity ${identity} is revoked`, { session: session.id })),
    endSession: (id) => endWhere(({ session }) => session.id === id, () => refusal('revoked', 'the session was ended by an operator', { session: id })) > 0,
    drain: (why) => {
      draining = why;
      for (const opened of live.values()) opened.drain(why);
    },
    endAll: (why) => void endWhere(() => true, () => why),
    live,
    close: () => {
      clearInterval(lapses);
      refusals.close();
    },
  };
};
