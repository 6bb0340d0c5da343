import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Handler } from '../../kit/http-target.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork } from './http-work.ts';

const CLIENTS = 8;
const TURNS = 3;
const ROWS = 400;
const SSN = '123-45-6789';
const EMAIL = 'zoe@example.com';
const MASKS = [{ fields: ['ssn'], transform: 'redact' }, { detect: ['email'], transform: 'redact' }];
const PACKED = {
  identity: [(bytes: Buffer) => bytes, (bytes: Buffer) => bytes],
  gzip: [gzipSync, gunzipSync],
  br: [brotliCompressSync, brotliDecompressSync],
  zstd: [zstdCompressSync, zstdDecompressSync],
} as const satisfies Record<string, readonly ((bytes: Buffer) => Buffer)[]>;
const CODINGS = Object.keys(PACKED) as (keyof typeof PACKED)[];

const rows = Array.from({ length: ROWS }, (_, n) => ({ id: n, name: `Zoe ${n}`, ssn: SSN, note: `write to ${EMAIL}` }));
const BODIES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  json: ['application/json', JSON.stringify({ rows })],
  lines: ['application/x-ndjson', rows.map((row) => `${JSON.stringify(row)}\n`).join('')],
  events: ['text/event-stream', rows.map((row) => `data: ${JSON.stringify(row)}\n\n`).join('')],
  csv: ['text/csv', `id,name,ssn,note\n${rows.map(({ id, name, ssn, note }) => `${id},${name},${ssn},${note}\n`).join('')}`],
};

/** Each form in each coding. */
const PACKED_BODIES: ReadonlyMap<string, Buffer> = new Map(Object.entries(BODIES).flatMap(([form, [, text]]) => CODINGS.map((coding) => [`${form}/${coding}`, PACKED[coding][0](Buffer.from(text))] as const)));

/** Readers of masked answers, of each form and coding, and writers of what they have read. */
export const soak: Soak = {
  name: 'http-masks',
  start: (nodeArgs) => startHttpWork(nodeArgs, { policies: [{ name: 'masked', identities: ['reader', 'writer'], connections: ['*'], allow: ['read', 'write'], mask: MASKS }] }, async ({ scene, ask, agent }) => {
    scene.target.handler = answering;
    const kept = agent({ maxSockets: CLIENTS });
    await together(CLIENTS, () => inTurn(TURNS, async () => {
      for (const [form, [type, text]] of Object.entries(BODIES)) {
        for (const coding of CODINGS) {
          const { body, headers } = await ask(200, 'reader', `/${form}/${coding}`, { agent: kept, headers: { 'Accept-Encoding': coding } });
          // Events leave as they come, and so without a coding.
          const came = PACKED[CODINGS.find((one) => one === headers['content-encoding']) ?? 'identity'][1](body).toString();
          if (came.includes(EMAIL) || came.includes(SSN)) throw new Error(`${form} in ${coding} was not masked`);
          const names = (of: string): number => of.split('Zoe ').length - 1;
          if (names(came) !== names(text) || came.split('\n').length !== text.split('\n').length) throw new Error(`${form} in ${coding} (${type}) is not whole: ${came.slice(0, 200)}`);
        }
      }
      // Of text nobody knows the fields.
      await ask(403, 'reader', '/text', { agent: kept });
      await ask(204, 'writer', '/things', { agent: kept, method: 'POST', body: JSON.stringify({ id: 1, name: 'Zoe', ssn: '987-65-4321' }), headers: { 'Content-Type': 'application/json' } });
      // What was read masked and is sent back would replace the real value.
      await ask(403, 'writer', '/things', { agent: kept, method: 'POST', body: JSON.stringify({ id: 1, name: 'Zoe', ssn: '***' }), headers: { 'Content-Type': 'application/json' } });
    }));
  }),
};

const answering: Handler = (request, response) => {
  request.resume();
  const [, form = '', coding = ''] = (request.url ?? '').split('/');
  const packed = PACKED_BODIES.get(`${form}/${coding}`);
  request.once('end', () => {
    if (request.method === 'POST') response.writeHead(204).end();
    else if (packed === undefined) response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`${SSN} of ${EMAIL}`);
    else response.writeHead(200, { 'Content-Type': BODIES[form]?.[0], ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }) }).end(packed);
  });
};
