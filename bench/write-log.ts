import { systemClock } from '../src/evidence/clock.ts';
import type { EvidenceRecord, Ticket } from '../src/evidence/log.ts';
import { durably } from '../src/evidence/durably.ts';
import { openEvidenceLog } from '../src/evidence/open.ts';

const DAY_MS = 86_400_000;
const GROUP = 512;
const TABLES = ['orders', 'customers', 'invoices', 'payments', 'shipments', 'refunds', 'products', 'audit_trail'];
const VERBS = ['select', 'insert', 'update', 'delete'] as const;
/** One of so many is refused. */
const REFUSED = 101;

export interface LongLog {
  /** Of the log itself, and of its keys. */
  readonly folder: string;
  readonly keysFolder: string;
  readonly commands: number;
  readonly commandsOfSession: number;
  /** Over so many days until now. Default: as fast as they are written. */
  readonly days?: number;
}

export const logOptions = ({ folder, keysFolder }: Pick<LongLog, 'folder' | 'keysFolder'>): Parameters<typeof openEvidenceLog>[0] => ({ folder, keysFolder, instance: 'bench', build: 'bench', config: 'bench' });

const opening = (session: string, n: number): EvidenceRecord => ({ kind: 'session_open', session, connection: `db-${n % 5}`, protocol: 'postgres', principal: { identity: `job-${n % 40}`, provider: 'ci', owner: { group: 'ci/data' }, groups: [], token: 't', tokenExpiresAt: 0 }, peer: { address: '127.0.0.1', tls: true }, policy: 'p', config: 'c', mode: 'effect' });

const closing = (session: string, commands: number, refused: number): EvidenceRecord => ({ kind: 'session_close', session, reason: 'client left', commands, refused, housekeeping: {} });

/** Commands as jobs send them: few shapes, many values; of forty identities on five connections. */
export const writeLongLog = async ({ commands, commandsOfSession, days, ...folders }: LongLog): Promise<void> => {
  let done = 0;
  const passed = (): number => (days === undefined ? 0 : (done / commands) * days * DAY_MS);
  const begin = Date.now() - (days ?? 0) * DAY_MS;
  const clock = days === undefined ? systemClock : { ...systemClock, wall: () => Math.floor(begin + passed()), monotonic: () => Math.floor(passed() * 1000) };
  const log = await openEvidenceLog({ ...logOptions(folders), clock });
  let [session, inSession, refused] = ['', 0, 0];
  let last: Ticket | undefined;
  for (let n = 0; n < commands; n += 1) {
    if (n % commandsOfSession === 0) {
      if (session !== '') log.append(closing(session, inSession, refused));
      session = `S${String(n).padStart(25, '0')}`;
      inSession = refused = 0;
      log.append(opening(session, n / commandsOfSession));
    }
    inSession += 1;
    done = n;
    const connection = `db-${Math.floor(n / commandsOfSession) % 5}`;
    const [verb, table] = [VERBS[n % 7 < 4 ? 0 : n % 4] ?? 'select', TABLES[n % 8] ?? 'orders'];
    const text = verb === 'select' ? `SELECT id, state, total FROM ${table} WHERE id = ${n * 7919} AND region = 'r${n % 97}'` : verb === 'insert' ? `INSERT INTO ${table} (id, note) VALUES (${n * 7919}, 'batch ${n % 1013} of run ${n % 4999}')` : verb === 'update' ? `UPDATE ${table} SET state = 'st${n % 61}' WHERE id = ${n * 7919}` : `DELETE FROM ${table} WHERE id = ${n * 7919}`;
    const effects = [{ class: verb === 'select' ? 'read' : 'write', verb, object: `table:public.${table}` }];
    const body = { part: 'statement' as const, connection, bytes: Buffer.from(text) };
    if (n % REFUSED === REFUSED - 1) {
      refused += 1;
      last = log.append({ kind: 'refusal', session, command: inSession, connection, code: n % 3 === 0 ? 'denied' : 'not_granted', verb, effects, decision: { effect: 'deny', rules: ['jobs'], policy: 'p'.repeat(64) } }, [body]);
    } else {
      log.append({ kind: 'intent', session, command: inSession, connection, verb, effects, timing: verb === 'select' ? 'read' : 'transactional', decision: { effect: 'allow', rules: ['jobs'], policy: 'p'.repeat(64) }, bytes: text.length, masks: [] }, [body]);
      last = log.append({ kind: 'outcome', session, command: inSession, outcome: { status: 'ok', tag: verb.toUpperCase(), rowsReturned: n % 200, bytesDown: 64 } });
    }
    if (n % GROUP === GROUP - 1) await durably(last);
  }
  if (session !== '') log.append(closing(session, inSession, refused));
  await log.close();
};
