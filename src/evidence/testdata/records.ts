import type { EvidenceRecord, Ticket } from '../log.ts';

/** Records as the pipeline writes them, for tests. */
export const sessionOpen = (session: string): EvidenceRecord => ({
  kind: 'session_open',
  session,
  connection: 'billing',
  protocol: 'postgres',
  principal: { identity: 'billing-migrations', provider: 'github', owner: { group: 'payments' }, groups: ['migrators'], token: 'fingerprint', tokenExpiresAt: 1_795_000_000_000 },
  peer: { address: '10.0.0.7', tls: true },
  policy: 'p'.repeat(64),
  config: 'c'.repeat(64),
  mode: 'effect',
});

export const intent = (session: string, command: number): EvidenceRecord => ({
  kind: 'intent',
  session,
  command,
  connection: 'billing',
  verb: 'select',
  effects: [{ class: 'read', verb: 'select', object: 'table:public.customers' }],
  timing: 'read',
  decision: { effect: 'allow', rules: ['migrations'], policy: 'p'.repeat(64) },
  bytes: 40,
  masks: [],
});

export const outcome = (session: string, command: number): Extract<EvidenceRecord, { kind: 'outcome' }> => ({
  kind: 'outcome',
  session,
  command,
  outcome: { status: 'ok', tag: 'SELECT', rowsReturned: 1, bytesDown: 64 },
});

export const sessionClose = (session: string, commands: number): EvidenceRecord => ({ kind: 'session_close', session, reason: 'client', commands, refused: 0, housekeeping: {} });

export const statement = (text: string, connection = 'billing'): { part: string; connection: string; bytes: Buffer } => ({ part: 'statement', connection, bytes: Buffer.from(text) });

/** Resolves with the failure, or undefined. */
export const durable = (ticket: Ticket): Promise<string | undefined> => new Promise((resolve) => void ticket.whenDurable(resolve));
export const written = (ticket: Ticket): Promise<string | undefined> => new Promise((resolve) => void ticket.whenWritten(resolve));
