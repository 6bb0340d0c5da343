import { Counter, Gauge, Registry } from 'prom-client';
import type { ChannelStatus } from '../approvals/channels/line.ts';
import type { EvidenceStatus } from '../evidence/elsewhere.ts';
import type { ApprovalRecord } from '../evidence/log.ts';
import { SYNC_BUCKETS, type EvidenceStats } from '../evidence/stats.ts';
import type { PipelineObserver } from '../pipeline/open-session.ts';
import { addChannelMetrics } from './channel-metrics.ts';

export interface Metrics {
  readonly observer: PipelineObserver;
  /** Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
  /** A record about a request for approval was handed to the log. */
  approval(record: Pick<ApprovalRecord, 'connection' | 'event'> & { readonly verdict?: string }): void;
  /** Whether the newest configuration is in force. */
  configuration(valid: boolean): void;
}

export interface MeasuredParts {
  readonly stats: () => EvidenceStats;
  /** Whether commands can be admitted, as far as evidence goes. */
  readonly available: () => boolean;
  readonly clients: () => number;
  /** How far the log is signed and witnessed; undefined for a log without checkpoints. */
  readonly checkpoints: () => EvidenceStatus | undefined;
  /** Where people are asked for approval. */
  readonly channels: () => readonly ChannelStatus[];
}

/** Counts by connection and one label: plain numbers, because it happens for each command. Read when somebody asks for metrics. */
class Counts {
  readonly #counts = new Map<string, Map<string, { count: number }>>();

  add(connection: string, label: string): void {
    let byLabel = this.#counts.get(connection);
    if (!byLabel) this.#counts.set(connection, (byLabel = new Map<string, { count: number }>()));
    const cell = byLabel.get(label);
    if (cell) cell.count += 1;
    else byLabel.set(label, { count: 1 });
  }

  each(tell: (connection: string, label: string, count: number) => void): void {
    for (const [connection, byLabel] of this.#counts) for (const [label, { count }] of byLabel) tell(connection, label, count);
  }
}

/** A counter by connection and one label, for what happens with each command. */
const counted = (registers: Registry[], name: string, help: string, label: string): Counts => {
  const counts = new Counts();
  new Counter({
    name,
    help,
    labelNames: ['connection', label],
    registers,
    collect() {
      this.reset();
      counts.each((connection, value, count) => this.inc({ connection, [label]: value }, count));
    },
  });
  return counts;
};

/** Of each witness: whether it cosigns, and how often what was wrong. Of each anchor: how old its newest checkpoint is. */
const perParty = (registers: Registry[], checkpoints: MeasuredParts['checkpoints']): void => {
  new Gauge({
    name: 'wicketgate_witness_cosigning',
    help: '1 when the witness cosigned what it was last asked, else 0.',
    labelNames: ['witness'],
    registers,
    collect() {
      this.reset();
      for (const { name, state } of checkpoints()?.witnessed.witnesses ?? []) this.set({ witness: name }, state === 'cosigning' ? 1 : 0);
    },
  });
  new Counter({
    name: 'wicketgate_witness_faults_total',
    help: 'What was wrong with a witness, by kind, since start.',
    labelNames: ['witness', 'kind'],
    registers,
    collect() {
      this.reset();
      for (const { name, faults } of checkpoints()?.witnessed.witnesses ?? []) for (const [kind, count] of Object.entries(faults)) this.inc({ witness: name, kind }, count);
    },
  });
  new Gauge({
    name: 'wicketgate_anchor_age_seconds',
    help: 'Seconds since the anchor kept a checkpoint; -1 when it has kept none since start.',
    labelNames: ['anchor'],
    registers,
    collect() {
      this.reset();
      for (const { name, kept } of checkpoints()?.anchors ?? []) this.set({ anchor: name }, kept?.age ?? -1);
    },
  });
  new Gauge({
    name: 'wicketgate_anchor_late',
    help: '1 when the anchor kept nothing for more than twice its interval and five minutes, else 0.',
    labelNames: ['anchor'],
    registers,
    collect() {
      this.reset();
      for (const { name, late } of checkpoints()?.anchors ?? []) this.set({ anchor: name }, late ? 1 : 0);
    },
  });
  new Counter({
    name: 'wicketgate_anchor_failures_total',
    help: 'How often the anchor did not keep a checkpoint, since start.',
    labelNames: ['anchor'],
    registers,
    collect() {
      this.reset();
      for (const { name, failures } of checkpoints()?.anchors ?? []) this.inc({ anchor: name }, failures);
    },
  });
};

/** The gateway's numbers. Labels are names of the configuration and words of ours: their number is bounded. */
export const createMetrics = ({ stats, available, clients, checkpoints, channels }: MeasuredParts): Metrics => {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const decided = counted(registers, 'wicketgate_decisions_total', 'Commands decided, by connection and decision.', 'decision');
  const settled = counted(registers, 'wicketgate_outcomes_total', 'Commands settled, by connection and outcome.', 'status');
  const approvals = counted(registers, 'wicketgate_approvals_total', 'What happened to requests for approval, by connection: requested, approve, deny, force, approved, denied, expired, withdrawn.', 'event');
  const sessions = new Gauge({ name: 'wicketgate_sessions', help: 'Sessions open, by connection.', labelNames: ['connection'], registers });
  const opened = new Counter({ name: 'wicketgate_sessions_opened_total', help: 'Sessions opened, by connection.', labelNames: ['connection'], registers });
  const valid = new Gauge({ name: 'wicketgate_configuration_valid', help: '1 when the newest configuration is in force, 0 when it was refused.', registers });
  valid.set(1);
  const read = (name: string, help: string, value: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  const total = (name: string, help: string, value: () => number): Counter =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  read('wicketgate_clients', 'Client connections open, logged in or not.', clients);
  total('wicketgate_evidence_records_total', 'Evidence records written since start.', () => stats().records);
  total('wicketgate_evidence_bytes_total', 'Evidence bytes written since start.', () => stats().bytes);
  total('wicketgate_evidence_syncs_total', 'Syncs of the evidence log since start.', () => stats().syncs);
  total('wicketgate_evidence_sync_failures_total', 'Syncs that failed since start.', () => stats().syncFailures);
  total('wicketgate_evidence_sync_seconds_total', 'Time spent in syncs since start.', () => stats().syncSeconds);
  total('wicketgate_evidence_waits_total', 'Times that commands had to wait for the evidence disk since start.', () => stats().waits);
  read('wicketgate_evidence_queued', 'Records that are not written yet.', () => stats().queued);
  read('wicketgate_evidence_unsynced', 'Records that are written and not durable yet.', () => stats().unsynced);
  read('wicketgate_evidence_available', '1 when evidence can be written, 0 when commands are refused.', () => (available() ? 1 : 0));
  read('wicketgate_evidence_free_bytes', 'Bytes free on the evidence disk.', () => stats().free ?? -1);
  total('wicketgate_evidence_self_checks_passed_total', 'Times that the log checked itself and found nothing wrong, since start.', () => stats().checksPassed);
  total('wicketgate_evidence_self_checks_failed_total', 'Times that the log checked itself and found something wrong, since start.', () => stats().checksFailed);
  read('wicketgate_evidence_signed_size', 'Records under the checkpoint that was signed last.', () => checkpoints()?.signed?.size ?? 0);
  read('wicketgate_evidence_witnessed_size', 'Records under the newest checkpoint that enough witnesses cosigned.', () => checkpoints()?.witnessed.witnessed?.size ?? 0);
  read('wicketgate_evidence_witnessed_age_seconds', 'Seconds since enough witnesses cosigned the newest such checkpoint; -1 when there is none.', () => checkpoints()?.witnessed.witnessed?.age ?? -1);
  read('wicketgate_evidence_witnessed_by', 'Witnesses that cosigned it.', () => checkpoints()?.witnessed.witnessed?.by.length ?? 0);
  read('wicketgate_evidence_witnessed_late', '1 when it is older than 5 minutes although witnesses are configured, else 0.', () => (checkpoints()?.witnessed.late === true ? 1 : 0));
  perParty(registers, checkpoints);
  addChannelMetrics(registers, channels);
  const syncs = new Gauge({
    name: 'wicketgate_evidence_syncs_within_seconds',
    help: 'Syncs that took at most so long, cumulative.',
    labelNames: ['le'],
    registers,
    collect() {
      let sum = 0;
      stats().syncLatency.forEach((count, index) => {
        sum += count;
        this.set({ le: String(SYNC_BUCKETS[index] ?? '+Inf') }, sum);
      });
    },
  });
  void syncs;
  return {
    observer: {
      decided: (connection, decision) => decided.add(connection, decision),
      settled: (connection, status) => settled.add(connection, status),
      sessionOpened: (connection) => {
        opened.inc({ connection });
        sessions.inc({ connection });
      },
      sessionClosed: (connection) => sessions.dec({ connection }),
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
    approval: ({ connection, event, verdict }) => approvals.add(connection, verdict ?? event),
    configuration: (isValid) => valid.set(isValid ? 1 : 0),
  };
};
