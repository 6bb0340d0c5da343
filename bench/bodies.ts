import { compileBodies } from '../src/masking/bodies/masks.ts';
import type { BodyMasks } from '../src/masking/bodies/masks.ts';
import { openBodyMasker } from '../src/masking/bodies/masker.ts';
import { HashKey } from '../src/masking/hash-key.ts';
import type { MaskConfig } from '../src/config/resolved.ts';
import { median } from './rounds.ts';

const GOAL = 120;
const MEGABYTES = 32;
const CHUNK = 65_536;
const MILLISECONDS = 400;

const key = new HashKey(Buffer.alloc(32, 7));
const mask = (name: string, fields: readonly string[], detect: readonly string[], transform: MaskConfig['transform']): MaskConfig => ({ name, columns: [], fields, detect, otherwise: 'refuse', mode: 'strict', transform, origin: { file: 'bench', line: 1 } });

const FIELDS = [mask('bench/1', ['$.items[*].customer.ssn'], [], 'redact'), mask('bench/2', ['*_token'], [], 'redact'), mask('bench/3', ['password'], [], { partial: 4 })];
/** Each value another one: none of the pseudonyms is remembered. */
const HASHED = [mask('bench/5', ['*_token'], [], 'hash')];
const DETECTORS = [mask('bench/4', [], ['us_ssn', 'credit_card', 'email', 'phone', 'iban', 'ip', 'jwt', 'cloud_key', 'private_key'], 'redact')];

/** An ordinary answer: objects with names, numbers, times, a little free text, and what the masks name. */
const item = (id: number): object => ({
  id,
  customer: { name: `Customer ${id}`, ssn: `${100 + (id % 500)}-${10 + (id % 80)}-${1000 + (id % 9000)}`, city: 'Zürich', active: id % 3 === 0 },
  amount: (id * 7919) % 100_000 / 100,
  created: `2026-11-${10 + (id % 19)}T10:${10 + (id % 49)}:00Z`,
  note: id % 5 === 0 ? 'called "twice",\nno answer; write again next week and ask for the contract that was sent in spring' : null,
  tags: ['retail', 'priority', 'eu-west-1'],
  refresh_token: `rt-${(id * 2654435761) % 4294967296}`,
  password: `correct horse ${id}`,
});

const document = (): Buffer => {
  const items: string[] = [];
  for (let id = 0, bytes = 0; bytes < MEGABYTES * 1e6; id += 1) {
    const text = JSON.stringify(item(id));
    items.push(text);
    bytes += text.length + 1;
  }
  return Buffer.from(`{"items":[${items.join(',')}],"next":null}`);
};

/** Bytes a second through a masker, in chunks as they come from a socket. */
const throughput = (masks: BodyMasks, mediaType: string, body: Buffer): number => {
  const cpu = process.cpuUsage();
  const began = performance.now();
  let bytes = 0;
  while (performance.now() - began < MILLISECONDS) {
    const masker = openBodyMasker(masks, { mediaType });
    if (masker === 'pass' || 'refused' in masker) throw new Error('nothing is masked');
    for (let at = 0; at < body.length; at += CHUNK) masker.push(body.subarray(at, at + CHUNK));
    masker.end();
    bytes += body.length;
  }
  const spent = process.cpuUsage(cpu);
  return bytes / (spent.user + spent.system);
};

/** Bodies through their maskers on one core: MB for each second of CPU. */
export const bodiesMasked = (rounds: number): string => {
  const json = document();
  const { items } = JSON.parse(json.toString()) as { readonly items: readonly { readonly id: number; readonly amount: number; readonly note: string | null; readonly password: string }[] };
  const ndjson = Buffer.from(items.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const csv = Buffer.from(['id,amount,note,password', ...items.map(({ id, amount, note, password }) => `${id},${amount},"${(note ?? '').replaceAll('"', '""')}",${password}`), ''].join('\r\n'));
  const cases: readonly (readonly [string, readonly MaskConfig[], string, Buffer, number | undefined])[] = [
    ['JSON, 3 field masks', FIELDS, 'application/json', json, GOAL],
    ['JSON, 1 field mask with hash', HASHED, 'application/json', json, undefined],
    ['JSON, all detectors', DETECTORS, 'application/json', json, undefined],
    ['JSON, 3 field masks and all detectors', [...FIELDS, ...DETECTORS], 'application/json', json, undefined],
    ['NDJSON, 3 field masks', FIELDS, 'application/x-ndjson', ndjson, undefined],
    ['CSV, 3 field masks', FIELDS, 'text/csv', csv, undefined],
    ['text, all detectors', DETECTORS, 'text/plain', ndjson, undefined],
  ];
  const lines = [`\nbodies masked, ${MEGABYTES} MB in chunks of ${CHUNK / 1024} KiB (${rounds} rounds)`];
  for (const [what, masks, mediaType, body, goal] of cases) {
    const compiled = compileBodies(masks, key);
    throughput(compiled, mediaType, body);
    const rates = Array.from({ length: rounds }, () => throughput(compiled, mediaType, body));
    const reached = median(rates);
    lines.push(`  ${what.padEnd(40)} ${String(Math.round(reached)).padStart(5)} MB/s a core${goal === undefined ? '' : `  goal at least ${goal}: ${reached >= goal ? 'reached' : 'MISSED'}`}`);
  }
  return lines.join('\n');
};

if (import.meta.main) process.stdout.write(`${bodiesMasked(Number(process.argv[2] ?? 3))}\n`);
