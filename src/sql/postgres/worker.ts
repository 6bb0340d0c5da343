import { parentPort } from 'node:worker_threads';
import type { Catalog } from '../catalog.ts';
import type { InvalidText } from '../understand.ts';
import { analyse } from './analyse.ts';
import type { Ast } from './ast.ts';
import { readsNamesOtherwise } from './encodings.ts';
import { Granted } from './granted.ts';
import { CatalogIndex } from './names.ts';
import { readsWordsOtherwise } from './older-servers.ts';
import { loadParser, parseDefinition, ParserBroken, parseText } from './parse.ts';
import type { FromWorker, Said, ToWorker } from './protocol.ts';

/**
 * The thread in which hostile text meets the parser: nothing it breaks here is seen by other sessions, and the main
 * thread replaces it when something did break.
 */
const port = parentPort;
if (!port) throw new Error('runs as a worker thread only');
const catalogs = new Map<string, CatalogIndex>();
const say = (said: Said): void => port.postMessage({ ...said, used: process.threadCpuUsage() } satisfies FromWorker);

/** A definition of the target's own. */
function parseHere(sql: string, catalog: Catalog): readonly Ast[] {
  const { encoding } = catalog;
  if (encoding && readsNamesOtherwise(Buffer.from(sql), encoding)) throw new Error('a name that this database could read in another way');
  const statements = parseDefinition(sql);
  if (readsWordsOtherwise(statements, catalog)) throw new Error('a word that this server reads in another way');
  return statements;
}

function answer(message: Extract<ToWorker, { kind: 'analyse' }>): Said {
  const index = catalogs.get(message.catalog);
  if (!index) return { kind: 'broken' };
  try {
    const text = Buffer.from(message.text.buffer, message.text.byteOffset, message.text.byteLength);
    let invalid: InvalidText | undefined;
    const statements = parseText(text.toString('utf8'), (why) => (invalid = why));
    if (statements === undefined) return invalid ? { kind: 'unparsed', invalid } : { kind: 'unparsed' };
    if (readsWordsOtherwise(statements, index.catalog)) return { kind: 'unparsed' };
    const { facts, exact } = analyse(text, statements, { index, granted: new Granted(message.granted), parse: (sql) => parseHere(sql, index.catalog) }, message.names);
    return { kind: 'answer', answer: { facts, starts: statements.map((each) => each.stmt_location ?? 0), exact } };
  } catch (error) {
    // A stack that ran out leaves the parser's own stack where it was.
    return { kind: error instanceof ParserBroken || error instanceof RangeError ? 'broken' : 'unparsed' };
  }
}

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'catalog':
      catalogs.set(message.catalog.id, new CatalogIndex(message.catalog));
      break;
    case 'forget':
      catalogs.delete(message.id);
      break;
    case 'analyse':
      say(answer(message));
      break;
  }
});

await loadParser();
say({ kind: 'ready' });
