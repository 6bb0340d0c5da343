import { Counter, Gauge, Registry } from 'prom-client';
import { SYNC_BUCKETS, type EvidenceStats } from '../evidence/stats.ts';
import type { PipelineObserver } from '../pipeline/open-session.ts';

export interface Metrics {
  readonly observer: PipelineObserver;
  /** Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
  /** Whether the newest configuration is in force. */
  configuration(valid: boolean): void;
}

export interface MeasuredParts {
  readonly stats: () => EvidenceStats;
  /** Whether commands can be admitted, as far as evidence goes. */
  readonly available: () => boolean;
  readonly clients: () => number;
}

type Children = Map<string, Map<string, { inc(): void }>>;

/** The counter of two labels, looked up by them: for each command, where building label sets would show. */
const child = (children: Children, connection: string, label: string, make: () => { inc(): void }): { inc(): void } => {
  let byLabel = children.get(connection);
  if (!byLabel) children.set(connection, (byLabel = new Map<string, { inc(): void }>()));
  let counter = byLabel.get(label);
  if (!counter) byLabel.set(label, (counter = make()));
  return counter;
};

/** The gateway's numbers. Labels are names of the configuration and words of ours: their number is bounded. */
export const createMetrics = ({ stats, available, clients }: MeasuredParts): Metrics => {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const decisions = new Counter({ name: 'wicketgate_decisions_total', help: 'Commands decided, by connection and decision.', labelNames: ['connection', 'decision'], registers });
  const outcomes = new Counter({ name: 'wicketgate_outcomes_total', help: 'Commands settled, by connection and outcome.', labelNames: ['connection', 'status'], registers });
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
  read('wicketgate_evidence_queued', 'Records that are not written yet.', () => stats().queued);
  read('wicketgate_evidence_unsynced', 'Records that are written and not durable yet.', () => stats().unsynced);
  read('wicketgate_evidence_available', '1 when evidence can be written, 0 when commands are refused.', () => (available() ? 1 : 0));
  read('wicketgate_evidence_free_bytes', 'Bytes free on the evidence disk.', () => stats().free ?? -1);
  const decided: Children = new Map();
  const settled: Children = new Map();
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
      decided: (connection, decision) => child(decided, connection, decision, () => decisions.labels({ connection, decision })).inc(),
      settled: (connection, status) => child(settled, connection, status, () => outcomes.labels({ connection, status })).inc(),
      sessionOpened: (connection) => {
        opened.inc({ connection });
        sessions.inc({ connection });
      },
      sessionClosed: (connection) => sessions.dec({ connection }),
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
    configuration: (isValid) => valid.set(isValid ? 1 : 0),
  };
};
