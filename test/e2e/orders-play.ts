import assert from 'node:assert/strict';
import { setImmediate as soon, setTimeout as later } from 'node:timers/promises';
import { toServer } from '../../src/protocols/postgres/encode.ts';
import type { BackendMessage } from '../../src/protocols/postgres/messages.ts';
import { described, foretold, readies, Writing, type Script } from './orders-script.ts';
import { directPlayer, gatewayPlayer, RAW, shown, type Orders } from './orders-scene.ts';
import { openSocket, plain, say, type Wire } from './wire.ts';

/* Plays one order of messages to two servers, and compares what they say. */

/** Longest silence before an answer that is owed: a session that has lost one never gives it. */
const SILENCE_MS = 10_000;

interface Played {
  readonly said: readonly BackendMessage[];
  /** The session was still there at the end. */
  readonly open: boolean;
}

const next = async (wire: Wire): Promise<BackendMessage | undefined> => {
  const gaveUp = new AbortController();
  try {
    return await Promise.race([wire.next(), later(SILENCE_MS, undefined, { signal: gaveUp.signal }).then(() => assert.fail('no answer came'))]);
  } finally {
    gaveUp.abort();
  }
};

/** Everything up to the answer to the last Query; a cancel that came late may have hit that. */
const finish = async (wire: Wire): Promise<BackendMessage[]> => {
  const said: BackendMessage[] = [];
  for (let fin = false; ; ) {
    const message = await next(wire).catch((error: unknown) => {
      throw new Error(`${(error as Error).message} behind ${plain(said).join(' ')}`);
    });
    if (!message) return said;
    said.push(message);
    if (message.kind === 'DataRow') fin ||= message.values[0]?.toString() === 'fin';
    else if (message.kind === 'ReadyForQuery' && fin) return said;
    // The last but one is the ROLLBACK.
    else if (message.kind === 'ReadyForQuery' && said.at(-2)?.kind === 'ErrorResponse' && plain([said.at(-2)!])[0] === 'E57014') wire.send(say.query("SELECT 'fin'"));
  }
};

const play = async (wire: Wire, port: number, script: Script, writing: Writing): Promise<Played> => {
  for (const segment of script.segments) {
    const bytes = writing.segment(segment);
    const places = [...new Set(segment.cuts.map((cut) => Math.trunc((cut * bytes.length) / 1000)))].toSorted((a, b) => a - b);
    for (const [at, end] of [...places, bytes.length].entries()) {
      wire.send(bytes.subarray(at === 0 ? 0 : places[at - 1], end));
      await soon();
    }
    if (segment.cancel) {
      const socket = await openSocket(port);
      socket.on('error', () => {});
      socket.end(toServer.cancelRequest(wire.processId, wire.key));
    }
    if (segment.pauseMs > 0) await later(segment.pauseMs);
  }
  if (script.end === 'cut') {
    wire.close();
    return { said: [], open: false };
  }
  wire.send(script.end === 'finished' ? writing.end() : say.terminate);
  const said = script.end === 'finished' ? await finish(wire) : await wire.rest();
  return { said, open: !wire.closed };
};

/** The refusals that a script foretells: by a rule, for want of a grant, by a mask. */
const FORETOLD = /^wicketgate: .* on table public\.\w+ refused(?: by |: no policy grants )|(?:compared|in an expression) \(mask /;

/** Refusals of the gateway that have no like at a server: what it does not understand in a series, limits, data that would be written back. */
const ownWay = (said: readonly BackendMessage[]): string | undefined => {
  for (const message of said) {
    if (message.kind !== 'ErrorResponse') continue;
    const value = (wanted: string): string => message.fields.find(({ code }) => code === wanted)?.value ?? '';
    if (value('D').startsWith('wicketgate session') && !FORETOLD.test(value('M'))) return `${value('C')} ${value('M')}`;
  }
  return undefined;
};

/** Ends of a session that broke the protocol: some servers say it twice. */
const upToEnd = (texts: readonly string[]): string[] => {
  const said = [...texts];
  while (said.at(-1) === 'E08P01' && said.at(-2) === 'E08P01') said.pop();
  return said;
};

const asDirect = (script: Script, texts: readonly string[]): string[] => upToEnd(texts.filter((text) => !text.startsWith('Sapplication_name')).map((text) => shown(script.player, text)));

/** Where a server without the right says that it is not there, or that the block has failed, the gateway says that it is refused. */
const sameOrRefused = (direct: string | undefined, gateway: string | undefined): boolean => direct === gateway || (gateway === 'E42501' && (direct === 'E42P01' || direct === 'E22012' || direct === 'E25P02'));

export type Verdict = 'compared' | 'own way' | 'by chance';

/** Plays a script both ways. Rejects when the gateway does what a server would not. */
export const compare = async (orders: Orders, script: Script): Promise<Verdict> => {
  const id = orders.scripts.length;
  orders.scripts.push({ script, marks: [], refused: [] });
  const writing = new Writing(script, id, false);
  await orders.reset();
  const wire = await gatewayPlayer(orders, script);
  const bytes: Buffer[] = [];
  wire.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
  let played: Played;
  try {
    played = await play(wire, orders.scene.gateway.port(script.connection), script, writing);
  } catch (error) {
    throw new Error(`${described(script)}\n${(error as Error).message}`);
  } finally {
    wire.close();
    orders.scripts[id] = { script, marks: writing.marks, refused: writing.refused };
  }
  if (script.player === 'migrator') for (const raw of RAW) assert.ok(!Buffer.concat(bytes).includes(raw), `${raw} came to the client\n${described(script)}`);
  const texts = plain(played.said);
  if (!script.segments.some(({ cancel }) => cancel)) {
    assert.ok(played.said.filter(({ kind }) => kind === 'ReadyForQuery').length <= readies(script) + 3, `${texts.join(' ')}\n${described(script)}`);
  }
  if (!foretold(script)) return 'by chance';
  const left = await orders.left();

  await orders.reset();
  using straight = await directPlayer(orders);
  const expected = await play(straight, 0, script, new Writing(script, id, true));
  const [direct, gateway] = [asDirect({ ...script, player: script.player }, plain(expected.said)), asDirect(script, texts)];
  const same = direct.length === gateway.length && direct.every((text, at) => sameOrRefused(text, gateway[at])) && expected.open === played.open;
  // A session that goes on at a server never ends here, but where what was refused before has left it in a COPY that the server does not begin.
  const inCopy = gateway.includes('CopyInResponse') && !direct.includes('CopyInResponse');
  if (!same && ownWay(played.said) !== undefined && (played.open || !expected.open || inCopy)) {
    const why = (ownWay(played.said) as string).replaceAll(/"[^"]*"/g, '""');
    orders.ownWays.set(why, (orders.ownWays.get(why) ?? 0) + 1);
    return 'own way';
  }
  if (!same) assert.fail(`not as direct\n${described(script)}\ndirect  ${direct.join(' ')}\ngateway ${gateway.join(' ')}`);
  assert.deepEqual(left, await orders.left(), `not the same in the tables\n${described(script)}`);
  return 'compared';
};
