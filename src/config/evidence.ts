import { createHash } from 'node:crypto';
import path from 'node:path';
import { isHostName, isLoopback } from './addresses.ts';
import type { Checking } from './checks.ts';
import { real } from './gateway.ts';
import { at } from './problems.ts';
import { unique } from './references.ts';
import { defaults } from './resolve.ts';
import type { ConfigurationSource } from './schema.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';
import { pathAt } from './written.ts';

type Evidence = NonNullable<ConfigurationSource['evidence']>;
type Witness = NonNullable<Evidence['witnesses']>[number];
type Anchor = NonNullable<Evidence['anchors']>[number];

const most = 16;
/** A share that hangs holds a thread of the pool through which evidence is synced as well; of four. */
const mostFiles = 2;
const leastEvery = 10_000;
/** A record lists at most 128 pieces of 4 MiB of an answer. */
const mostRecorded = 512 * 1024 ** 2;
/** Object Lock takes days or years, and a lock that is over before the next copy protects nothing. */
const leastRetain = 86_400_000;

/** What each type of anchor must have and may have, besides name, type and every. */
const keysOf: Readonly<Record<Anchor['type'], { readonly must: readonly (keyof Anchor)[]; readonly may: readonly (keyof Anchor)[] }>> = {
  file: { must: ['path'], may: [] },
  webhook: { must: ['url', 'secret'], may: ['ca'] },
  rfc3161: { must: ['url', 'trust'], may: ['ca'] },
  s3: { must: ['url', 'region', 'accessKey', 'secretKey', 'retain'], may: ['ca', 'sessionToken', 'lock'] },
};

/** Who keeps checkpoints elsewhere: keys that are keys, addresses that can be reached, and nothing that only looks like a second place. */
export async function checkEvidence(checking: Checking): Promise<void> {
  const { source, places, problems } = checking;
  for (const { evidence: recording } of source.connections) {
    if (recording?.recordAnswers === undefined || recording.recordAnswers === 'off') continue;
    // A larger one would be cut in silence.
    if ((parseSize(recording.recordAnswers) ?? 0) > mostRecorded) problems.add(places.of(recording, 'recordAnswers'), `is larger than ${formatSize(mostRecorded)}, which is all that is ever kept of one answer`);
  }
  const evidence = source.evidence;
  if (evidence === undefined) return;
  const { witnesses = [], anchors = [], quorum } = evidence;
  for (const [key, list] of [['witnesses', witnesses], ['anchors', anchors]] as const) {
    if (list.length > most) problems.add(places.of(evidence, key), `${list.length} are too many: at most ${most}`);
    unique(list, places, problems);
  }
  if (anchors.filter(({ type }) => type === 'file').length > mostFiles) problems.add(places.of(evidence, 'anchors'), `more than ${mostFiles} of type file`, 'a file system that hangs holds a thread that the log needs');
  if (quorum !== undefined && quorum > witnesses.length) {
    problems.add(places.of(evidence, 'quorum'), witnesses.length === 0 ? 'there are no witnesses' : `is more than the ${witnesses.length} witnesses there are, so nothing would ever be witnessed`);
  }
  witnesses.forEach((witness, index) => checkWitness(witness, witnesses.slice(0, index), checking));
  for (const anchor of anchors) await checkAnchor(anchor, checking);
}

function checkWitness(witness: Witness, before: readonly Witness[], { places, problems, warnings }: Checking): void {
  const url = webAddress(witness.url);
  if (url === undefined || url.search !== '' || url.hash !== '') problems.add(places.of(witness, 'url'), 'is not the address of a witness', 'such as https://witness.example/wicketgate, without a user, a query or a fragment');
  // Cosignatures cannot be forged on the way, but they can be kept from us.
  else if (url.protocol === 'http:' && !isLoopback(url.hostname)) warnings.add(places.of(witness, 'url'), 'whoever is on the way can read and drop what is sent', 'write https://');
  const spot = places.of(witness, 'key');
  const material = keyMaterial(witness.key);
  if (material === 'wrong id') problems.add(spot, 'the key id does not belong to this name and key', 'copy the whole line that wicketgate witness prints');
  else if (material === 'wrong type') problems.add(spot, 'is not the key of an Ed25519 cosigner (type 4)', 'the key of a log, or of another kind of signer, cannot cosign');
  else {
    const same = before.find(({ key }) => keyMaterial(key) === material);
    if (same !== undefined) problems.add(spot, `is the key of the witness at ${at(places.of(same, 'key').place)}: one key would count as two witnesses`);
  }
}

/** The public key, in base64, of a vkey whose form was checked. */
function keyMaterial(key: string): string {
  const [name, id, base64] = split(key);
  const bytes = Buffer.from(base64, 'base64');
  if (bytes[0] !== 4) return 'wrong type';
  const expected = createHash('sha256').update(`${name}\n`, 'utf8').update(bytes).digest().subarray(0, 4).toString('hex');
  return id === expected ? bytes.toString('base64') : 'wrong id';
}

/** At the first two plus signs: base64 has such signs too. */
function split(key: string): [string, string, string] {
  const first = key.indexOf('+');
  const second = key.indexOf('+', first + 1);
  return [key.slice(0, first), key.slice(first + 1, second), key.slice(second + 1)];
}

async function checkAnchor(anchor: Anchor, { source, places, base, problems }: Checking): Promise<void> {
  const { must, may } = keysOf[anchor.type];
  for (const key of must) if (!places.has(anchor, key)) problems.add(places.of(anchor), `${key} is missing, which ${anchor.type} needs`);
  for (const key of Object.keys(anchor) as (keyof Anchor)[]) {
    if (!['name', 'type', 'every', ...must, ...may].includes(key)) problems.add(places.of(anchor, key), `is not a key of ${anchor.type}`, 'remove it');
  }
  const every = parseDuration(anchor.every ?? defaults.anchorHourly);
  if (every !== undefined && every < leastEvery) problems.add(places.of(anchor, 'every'), `is shorter than ${formatDuration(leastEvery)}`);
  const retain = anchor.retain === undefined ? undefined : parseDuration(anchor.retain);
  if (retain !== undefined && retain < leastRetain) problems.add(places.of(anchor, 'retain'), 'is shorter than a day');
  if (anchor.url !== undefined && must.includes('url')) checkUrl(anchor, anchor.url);
  if (anchor.path !== undefined && anchor.type === 'file') await checkPath(anchor, anchor.path);

  function checkUrl(holder: Anchor, written: string): void {
    const spot = places.of(holder, 'url');
    const url = webAddress(written);
    if (url === undefined || url.hash !== '' || (holder.type === 's3' && url.search !== '')) problems.add(spot, 'is not a web address', 'without a user and a fragment');
    // A time-stamp is signed, so http is what authorities offer. The others' answers are believed.
    else if (url.protocol === 'http:' && holder.type !== 'rfc3161' && !isLoopback(url.hostname)) problems.add(spot, 'http is accepted for loopback addresses only: whoever is on the way could say that it was kept', 'write https://');
  }

  async function checkPath(holder: Anchor, written: string): Promise<void> {
    const folder = await real(pathAt(places, holder, 'path', written));
    for (const key of ['data', 'keys'] as const) {
      const gateway = source.gateway;
      const other = await real(gateway?.[key] === undefined ? path.resolve(base, defaults[key]) : pathAt(places, gateway, key, gateway[key]));
      const inside = path.relative(other, folder);
      if (inside === '' || (!inside.startsWith('..') && !path.isAbsolute(inside))) problems.add(places.of(holder, 'path'), `lies in gateway.${key}: who loses or alters that would lose or alter the copies`, 'a folder elsewhere, best on another machine');
    }
  }
}

function webAddress(written: string): URL | undefined {
  const url = URL.parse(written);
  if (url === null || !isHostName(url.hostname.replace(/^\[|\]$/g, '')) || url.username !== '' || url.password !== '' || written !== written.trim()) return undefined;
  return url;
}
