import { join } from 'node:path';
import type { EvidenceRecord } from '../../src/evidence/log.ts';
import { logName, parseLeaf, readLog, type Leaf } from '../../src/evidence/read.ts';
import { openBodies } from '../../src/evidence/unseal.ts';

type Kind<K extends EvidenceRecord['kind']> = Extract<EvidenceRecord, { readonly kind: K }>;

/** One command of the log, with its recorded form opened and what is known of its end. */
export interface RecordedCommand {
  readonly session: string;
  readonly command: number;
  /** Granted or refused. */
  readonly kind: 'intent' | 'refusal';
  readonly verb: string | undefined;
  readonly statement: string | undefined;
  readonly parameters: readonly (string | null)[];
  /** Status of the outcome; `indeterminate` also when a recovery record says so; undefined while there is no end. */
  end: string | undefined;
}

export interface RecordedEvidence {
  /** All records, from `from` on. */
  readonly leaves: readonly Leaf[];
  readonly commands: readonly RecordedCommand[];
  readonly sessions: ReadonlyMap<string, { readonly open: Kind<'session_open'>; end: 'open' | 'closed' | 'lost' }>;
  /** Sequence of the next record. */
  readonly next: number;
}

/** Reads the log of a data folder from a record on, and opens what was sealed. */
export const readEvidence = async (dataDir: string, keysDir: string, from = 0): Promise<RecordedEvidence> => {
  const folder = join(dataDir, 'evidence');
  const log = logName(folder);
  const opener = openBodies(keysDir);
  const texts = new Map<string, string>();
  const leaves: Leaf[] = [];
  const commands: RecordedCommand[] = [];
  const open = new Map<string, RecordedCommand>();
  const sessions = new Map<string, { readonly open: Kind<'session_open'>; end: 'open' | 'closed' | 'lost' }>();
  let next = from;
  for await (const item of readLog(folder, { from })) {
    if (item.type === 'body') {
      opener.open(log, item.ordinal, item.bytes)?.forEach(({ part, bytes }, entry) => {
        if (part === 'statement' || part === 'parameters') texts.set(`${item.ordinal}/${entry}`, bytes.toString('utf8'));
      });
      continue;
    }
    if (item.sequence < from) continue;
    const leaf = parseLeaf(item);
    const { record } = leaf;
    leaves.push(leaf);
    next = leaf.seq + 1;
    if (record.kind === 'session_open') sessions.set(record.session, { open: record, end: 'open' });
    else if (record.kind === 'session_close' || (record.kind === 'recovery' && record.what === 'session_lost')) {
      const session = sessions.get(record.session ?? '');
      if (session) session.end = record.kind === 'session_close' ? 'closed' : 'lost';
    } else if ((record.kind === 'intent' || record.kind === 'refusal') && record.session !== undefined && record.command !== undefined) {
      const text = (part: string): string | undefined => {
        const body = leaf.bodies?.find((one) => one.part === part);
        return body && texts.get(`${body.frame}/${body.entry}`);
      };
      const command: RecordedCommand = {
        session: record.session,
        command: record.command,
        kind: record.kind,
        verb: record.verb,
        statement: text('statement'),
        parameters: JSON.parse(text('parameters') ?? '[]') as (string | null)[],
        end: undefined,
      };
      commands.push(command);
      if (record.kind === 'intent') open.set(`${record.session}/${record.command}`, command);
    } else if (record.kind === 'outcome' || (record.kind === 'recovery' && record.what === 'indeterminate')) {
      const command = open.get(`${record.session}/${record.command}`);
      if (command) command.end = record.kind === 'outcome' ? record.outcome.status : 'indeterminate';
    }
  }
  return { leaves, commands, sessions, next };
};

/** A statement and its values as one text that does not depend on spacing: what two views of one command have in common. */
export const commandKey = (text: string, parameters: readonly (string | null)[]): string =>
  `${text.replaceAll(/\s+/g, ' ').replace(/[; ]+$/, '').trim()} ${JSON.stringify(parameters)}`;
