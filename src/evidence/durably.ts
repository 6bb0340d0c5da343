import type { Ticket } from './log.ts';

/** Resolves once a record is durable; rejects with the log's reason when it cannot be written. */
export const durably = (ticket: Ticket): Promise<void> =>
  new Promise((resolve, reject) => {
    ticket.whenDurable((failure) => (failure === undefined ? resolve() : reject(new Error(failure))));
  });
