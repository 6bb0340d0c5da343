import type { Housekeeping } from '../../pipeline/gate.ts';
import { decodeBackend } from './decode.ts';
import { toServer } from './encode.ts';
import { Frame } from './frames.ts';
import type { Link, Owed } from './link.ts';
import { RESERVED } from './namespace.ts';
import type { ExpectedKind } from './state.ts';

/** Most bytes that one look-up may bring. */
const MOST_BYTES = 64 * 1024 * 1024;

const NAME = `${RESERVED}own`;

/**
 * Runs one statement of the gateway's own in the client's session, unseen by the client: extended protocol under reserved
 * names, so that the client's unnamed statement stays. Only while the target owes nothing. Rejects when the target fails it.
 */
export const lookup = (link: Link, what: Housekeeping, sql: string): Promise<(string | null)[][]> =>
  new Promise((resolve, reject) => {
    const rows: (string | null)[][] = [];
    let bytes = 0;
    let failed = false;
    const capture = (event: { bytes: Buffer }): void => {
      if (!(event instanceof Frame)) return;
      bytes += event.bytes.length;
      if (bytes > MOST_BYTES) {
        failed = true;
        return;
      }
      const message = decodeBackend(event);
      if (message.kind === 'DataRow') rows.push(message.values.map((value) => (value === null ? null : value.toString('utf8'))));
    };
    const step = (ok: boolean): void => {
      if (!ok) failed = true;
    };
    const over = (): void => (failed ? reject(new Error(`the target refused a look-up of the gateway's own (${what})`)) : resolve(rows));
    const owe = (kind: ExpectedKind, more: Partial<Owed> = {}): void => link.owe({ kind, own: true, context: { done: step, ...more } });
    const closeStatement = toServer.close('statement', NAME);
    // Closed first as well: a look-up that failed before has left its statement behind. In a block the portal would stay.
    link.send(
      link.gated.housekeeping(what),
      Buffer.concat([closeStatement, toServer.parse(NAME, sql), toServer.bind(NAME, NAME, [], []), toServer.execute(NAME), toServer.close('portal', NAME), closeStatement, toServer.sync]),
    );
    owe('close');
    owe('parse');
    owe('bind');
    owe('execute', { capture });
    owe('close');
    owe('close');
    owe('sync', { done: over });
    link.target.flush();
  });
