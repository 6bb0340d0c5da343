import type { Disk } from '../disk.ts';
import { isStream } from '../log.ts';
import { readLog, type Leaf } from '../read.ts';
import { SealBroken, type BodyOpener } from '../unseal.ts';

/** Most bytes of the answers of one sampled command. Statements and parameters are always whole. */
const MOST_ANSWER = 256 * 1024;

/** A body of a sampled record: its text with the salt of its commitment, or why it is not in the pack. */
export type SampledBody = { readonly part: string; readonly c: string } & ({ readonly salt: Buffer; readonly bytes: Buffer } | { readonly absent: Absence });

/** `sealed`: made without keys. `key_destroyed`: purged. `lost`: with a disk. `missing`, `altered`: not as the record says. `too_large`: left out. */
export type Absence = 'sealed' | 'key_destroyed' | 'lost' | 'missing' | 'altered' | 'too_large';

interface Reference {
  readonly leaf: number;
  readonly at: number;
  readonly entry: number;
}

/** The bodies of the given records, by sequence, in the order in which the record names them. Reads the log once. */
export const bodiesOf = async (disk: Disk, folder: string, leaves: readonly Leaf[], opener: BodyOpener | undefined): Promise<Map<number, SampledBody[]>> => {
  const bodies = new Map<number, SampledBody[]>();
  const wanted = new Map<number, Reference[]>();
  for (const { seq, bodies: references = [] } of leaves) {
    bodies.set(seq, references.map(({ part, c, lost }) => ({ part, c, absent: lost ? 'lost' : opener ? 'missing' : 'sealed' })));
    if (!opener) continue;
    for (const [at, { frame, entry }] of references.entries()) {
      if (frame === undefined || entry === undefined) continue;
      wanted.set(frame, [...(wanted.get(frame) ?? []), { leaf: seq, at, entry }]);
    }
  }
  const [first] = leaves;
  if (!opener || !first || wanted.size === 0) return bodies;
  let left = wanted.size;
  const room = new Map<number, number>();
  // The bodies of a record stand before it, in the same segment or, of an answer's pieces, in earlier ones behind the intent.
  for await (const item of readLog(folder, { from: Math.min(...leaves.map(({ seq }) => seq)), disk })) {
    const references = item.type === 'body' ? wanted.get(item.ordinal) : undefined;
    if (item.type !== 'body' || !references) continue;
    const opened = open(opener, first.log, item.ordinal, item.bytes);
    for (const { leaf, at, entry } of references) {
      const of = bodies.get(leaf) as SampledBody[];
      const { part, c } = of[at] as SampledBody;
      const body = typeof opened === 'string' ? undefined : opened[entry];
      const space = room.get(leaf) ?? MOST_ANSWER;
      if (typeof opened === 'string') of[at] = { part, c, absent: opened };
      else if (!body) of[at] = { part, c, absent: 'altered' };
      else if (isStream(part) && body.bytes.length > space) of[at] = { part, c, absent: 'too_large' };
      else {
        if (isStream(part)) room.set(leaf, space - body.bytes.length);
        // Copies: the frame they lie in holds others' bodies too.
        of[at] = { part, c, salt: Buffer.from(body.salt), bytes: Buffer.from(body.bytes) };
      }
    }
    left -= 1;
    if (left === 0) break;
  }
  return bodies;
};

const open = (opener: BodyOpener, log: string, ordinal: number, sealed: Buffer): ReturnType<typeof opener.open> & object | 'key_destroyed' | 'altered' => {
  try {
    return opener.open(log, ordinal, sealed) ?? 'key_destroyed';
  } catch (error) {
    if (error instanceof SealBroken) return 'altered';
    throw error;
  }
};
