import { listDeeds, listSessionsOf, sessionOf, type ListedSession, type SessionsAsked } from '../../evidence/search/lists.ts';
import type { SearchFilters } from '../../evidence/search/filters.ts';
import type { LogIndex } from '../../evidence/search/search.ts';
import { answerOf, deedOf, piecesOf, sessionPart } from '../../evidence/search/session-records.ts';
import { connectionUse, hoursUntil, identitiesSince, identityUse, mostDenied, objectsOf, useOf } from '../../evidence/search/sums.ts';
import type { EvidenceRecord } from '../../evidence/log.ts';
import type { RecordedBody } from '../../evidence/sessions.ts';
import { commandStep, edgeStep, shownTexts } from './step-words.ts';

const DAY_MS = 86_400_000;
/** Bytes of one recorded answer that are worded, and characters of the words. */
const MOST_ANSWER = 8 * 1024 * 1024;
const MOST_WORDS = 512 * 1024;

/** Words the recorded bytes of an answer as the protocol's client would show them. */
export type Render = (protocol: string, bytes: Buffer) => string;

/** Answers of the index and the log, ready for a page. Runs in a thread: nothing here is waited for by a command. */
export class Readings {
  readonly #index: LogIndex;
  readonly #render: Render;

  constructor(index: LogIndex, render: Render) {
    this.#index = index;
    this.#render = render;
  }

  overview(now: number, hours: number) {
    const { file } = this.#index;
    return { hours: hoursUntil(file, now, hours), denied: mostDenied(file, now, hours, 10), newIdentities: identitiesSince(file, now - 7 * DAY_MS, 10), size: this.#index.size };
  }

  sessions(asked: SessionsAsked): ListedSession[] {
    return listSessionsOf(this.#index.file, asked, this.#index.finding);
  }

  session(id: string): ListedSession | undefined {
    return sessionOf(this.#index.file, id);
  }

  commands(filters: SearchFilters, limit: number, texts: boolean) {
    const { hits, more } = this.#index.search(filters, limit);
    return { hits: hits.map((hit) => ({ ...hit, texts: texts ? shownTexts(hit.texts) : [] })), more };
  }

  timeline(session: string, after: number, limit: number) {
    const part = sessionPart(this.#index.reading, session, after, limit);
    if (!part) return undefined;
    const { opened, commands, closed, next } = part;
    return { entries: [...(opened ? [edgeStep(opened.leaf)] : []), ...commands.map(commandStep), ...(closed ? [edgeStep(closed.leaf)] : [])], next };
  }

  answer(session: string, command: number) {
    const found = answerOf(this.#index.reading, session, command, MOST_ANSWER);
    if (!found) return undefined;
    const { ending } = found.command;
    const summary = ending?.record.kind === 'outcome' ? ending.record.answer : undefined;
    const { text, absent } = this.#worded(session, found.pieces);
    const cut = text !== undefined && text.length > MOST_WORDS;
    return {
      command,
      ...(text === undefined ? { absent: absent ?? (summary && summary.bytes > 0 ? 'not recorded' : 'there was none') } : { text: text.slice(0, MOST_WORDS).toWellFormed() }),
      bytes: summary?.bytes ?? 0,
      recorded: summary?.recorded ?? 0,
      truncated: (summary?.truncated ?? false) || cut || (text !== undefined && absent !== undefined),
    };
  }

  replay(session: string, after: number, limit: number) {
    const part = sessionPart(this.#index.reading, session, after, limit);
    const opened = sessionOf(this.#index.file, session)?.opened;
    if (!part || opened === undefined) return undefined;
    const at = (time: string): number => Math.max(0, Date.parse(time) - opened);
    const frames = [];
    if (part.opened) frames.push({ at: 0, kind: 'opened' as const, sequence: part.opened.leaf.seq, text: edgeStep(part.opened.leaf).words, refused: false });
    for (const command of part.commands) {
      const step = commandStep(command);
      const number = step.command === undefined ? {} : { command: step.command };
      const said = step.texts.map((one) => one.text ?? `[${one.part}: ${one.absent}]`).join('\n');
      const refused = step.kind === 'refused';
      frames.push({ at: at(step.at), kind: 'statement' as const, ...number, sequence: step.sequence, text: said === '' ? step.words : said, refused });
      if (refused) frames.push({ at: at(step.at), kind: 'refused' as const, ...number, sequence: step.sequence, text: step.words, refused });
      if (!command.ending) continue;
      const { text, absent } = this.#worded(session, piecesOf(this.#index.reading, command, MOST_ANSWER));
      const shown = text === undefined ? (absent === undefined ? '' : `[answer: ${absent}]`) : text.slice(0, MOST_TEXT_OF_FRAME).toWellFormed();
      frames.push({ at: at(command.ending.leaf.time), kind: 'answer' as const, ...number, sequence: command.ending.leaf.seq, text: shown === '' ? step.words : shown, refused: false });
    }
    if (part.closed) frames.push({ at: at(part.closed.leaf.time), kind: 'closed' as const, sequence: part.closed.leaf.seq, text: edgeStep(part.closed.leaf).words, refused: false });
    return { frames, next: part.next };
  }

  identityUse() {
    return identityUse(this.#index.file);
  }

  identity(name: string, now: number) {
    return { used: useOf(this.#index.file, name, now - 90 * DAY_MS, 100), objects: objectsOf(this.#index.file, name, 10_000, 50) };
  }

  connectionUse(now: number) {
    return connectionUse(this.#index.file, now);
  }

  /** Records that tell of people, or of what was put in force, newest first. */
  deeds(kinds: readonly string[], before: number | undefined, limit: number) {
    return listDeeds(this.#index.file, kinds, before, limit).map((row) => {
      const { leaf, texts } = deedOf(this.#index.reading, row);
      const detail = texts.find(({ part }) => part === 'detail');
      return { sequence: leaf.seq, at: leaf.time, record: leaf.record, ...(detail && 'bytes' in detail ? { detail: detail.bytes.toString('utf8') } : {}) } satisfies Deed;
    });
  }

  /** Pieces as far as they are there without a hole. */
  #worded(session: string, pieces: readonly RecordedBody[]): { readonly text?: string; readonly absent?: string } {
    const whole: Buffer[] = [];
    let absent: string | undefined;
    for (const piece of pieces) {
      if ('absent' in piece) {
        absent = piece.absent;
        break;
      }
      whole.push(piece.bytes);
    }
    if (whole.length === 0) return absent === undefined ? {} : { absent };
    const protocol = sessionOf(this.#index.file, session)?.protocol ?? '';
    return { text: this.#render(protocol, Buffer.concat(whole)), ...(absent === undefined ? {} : { absent }) };
  }
}

const MOST_TEXT_OF_FRAME = 65_536;

/** A record that tells of people. */
export interface Deed {
  readonly sequence: number;
  readonly at: string;
  readonly record: EvidenceRecord;
  /** Its sealed detail, where it can be opened. */
  readonly detail?: string;
}
