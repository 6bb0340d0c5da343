import type { AppendLog } from '../append-log.ts';
import type { EvidenceRecord, Ticket } from '../log.ts';
import { durable, intent, outcome, sessionClose, sessionOpen, statement, written } from './records.ts';

/** What the log has promised about one record. */
export interface Promised {
  readonly record: EvidenceRecord;
  readonly ticket: Ticket;
  written: boolean;
  durable: boolean;
}

/**
 * Sessions with commands in groups, as the pipeline would run them; waits for each group, alternately for `written` and for
 * `durable`. Goes on when tickets fail, as the gateway would with its refusals. Gives all that was promised.
 */
export const runWorkload = async (log: AppendLog, name: string, rounds: number, between: (round: number) => Promise<void> = () => Promise.resolve()): Promise<Promised[]> => {
  const promises: Promised[] = [];
  const append = (record: EvidenceRecord, text?: string): Promised => {
    const ticket = log.append(record, text === undefined ? [] : [statement(text)]);
    const promised: Promised = { record, ticket, written: false, durable: false };
    ticket.whenWritten((failure) => {
      promised.written = failure === undefined;
    });
    promises.push(promised);
    return promised;
  };
  for (let round = 0; round < rounds; round += 1) {
    const session = `${name}-${round}`;
    await durable(append(sessionOpen(session)).ticket);
    for (const command of [1, 2]) {
      const asked = append(intent(session, command), `select ${round} /* ${'x'.repeat(4000 + round * 997)} */`);
      const failed = command === 1 ? await durable(asked.ticket) : await written(asked.ticket);
      if (failed === undefined) await written(append(outcome(session, command)).ticket);
    }
    // A command that is still running when the session ends, or the power.
    if (round % 3 === 2) await written(append(intent(session, 3)).ticket);
    else {
      const closed = append(sessionClose(session, 2));
      if (round % 2 === 0) {
        closed.ticket.whenDurable((failure) => {
          closed.durable = failure === undefined;
        });
        await durable(closed.ticket);
      }
    }
    await between(round);
  }
  for (const promised of promises) promised.durable = promised.ticket.state === 'durable';
  return promises;
};
