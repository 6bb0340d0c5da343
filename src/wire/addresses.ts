import { isIP } from 'node:net';

/**
 * What an address is to the gateway. `forbidden`: nobody's keys are there (link-local, cloud metadata, multicast,
 * unspecified, reserved). `private`: only when the configuration says so.
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden';

/** Services that hand out a machine's own credentials, or speak for its host, at addresses that are not link-local. */
const METADATA = [
  '100.100.100.200', // Alibaba Cloud
  '168.63.129.16', // Azure WireServer
  '192.0.0.192', // Oracle Cloud
  'fd00:ec2::254', // AWS instance metadata
  'fd00:ec2::23', // AWS EKS pod identity
  'fd20:ce::254', // Google Cloud metadata
];

const V4: readonly (readonly [string, number, AddressKind])[] = [
  ['0.0.0.0', 8, 'forbidden'],
  ['169.254.0.0', 16, 'forbidden'],
  ['224.0.0.0', 3, 'forbidden'], // multicast, reserved, broadcast
  ['127.0.0.0', 8, 'loopback'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'private'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'private'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'private'],
];
const V6: readonly (readonly [string, number, AddressKind])[] = [
  ['::1', 128, 'loopback'],
  ['fe80::', 10, 'forbidden'],
  ['ff00::', 8, 'forbidden'],
  ['64:ff9b:1::', 48, 'forbidden'], // NAT64 of local use: where the IPv4 address stands in it is not fixed
  ['fec0::', 10, 'private'],
  ['fc00::', 7, 'private'],
];
/** Prefixes of IPv6 that carry an IPv4 address: at which byte. What they carry is what is reached. */
const CARRIES_V4: readonly (readonly [string, number, number])[] = [
  ['::ffff:0:0', 96, 12], // mapped
  ['::ffff:0:0:0', 96, 12], // translated (RFC 2765)
  ['64:ff9b::', 96, 12], // NAT64
  ['2002::', 16, 2], // 6to4
  ['::', 96, 12], // compatible, deprecated; after ::1 was looked at
];

/** Says what an IP address is. Text that is not one is `forbidden`. */
export const addressKind = (address: string): AddressKind => {
  // A zone (fe80::1%eth0) says through which interface, not what it is.
  const plain = address.split('%', 1)[0] ?? '';
  const bytes = addressBytes(plain);
  if (bytes === undefined || metadata.some((known) => sameBytes(known, bytes))) return 'forbidden';
  const table = bytes.length === 4 ? v4 : v6;
  const entry = table.find(([prefix, bits]) => hasPrefix(bytes, prefix, bits));
  if (entry !== undefined) return entry[2];
  const carrier = bytes.length === 16 ? carriesV4.find(([prefix, bits]) => hasPrefix(bytes, prefix, bits)) : undefined;
  if (carrier === undefined) return 'public';
  return addressKind([...bytes.subarray(carrier[2], carrier[2] + 4)].join('.'));
};

/** The 4 or 16 bytes of an address (without a zone), or undefined when the text is not one. */
export const addressBytes = (address: string): Uint8Array | undefined => {
  const family = isIP(address);
  if (family === 4) return Uint8Array.from(address.split('.'), Number);
  if (family !== 6) return undefined;
  // isIP has checked the syntax, so only the two shorthands need undoing: a dotted tail, and one run of zeros.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = dotted === null ? address : `${dotted[1]}${group(dotted[2], dotted[3])}:${group(dotted[4], dotted[5])}`;
  const [left = '', right] = hex.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Uint8Array.from(groups.flatMap((text) => { const value = Number.parseInt(text, 16); return [value >> 8, value & 0xff]; }));
};

const group = (high: string | undefined, low: string | undefined): string => (Number(high) * 256 + Number(low)).toString(16);

const hasPrefix = (bytes: Uint8Array, prefix: Uint8Array, bits: number): boolean => {
  for (let index = 0; index < bytes.length && index * 8 < bits; index += 1) {
    const mask = 0xff & (0xff << Math.max(0, 8 - (bits - index * 8)));
    if (((bytes[index] ?? 0) & mask) !== ((prefix[index] ?? 0) & mask)) return false;
  }
  return true;
};

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && one.every((byte, index) => byte === other[index]);

const parsed = (address: string): Uint8Array => {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new Error(`not an address: ${address}`);
  return bytes;
};
const metadata = METADATA.map(parsed);
const v4 = V4.map(([prefix, bits, kind]) => [parsed(prefix), bits, kind] as const);
const v6 = V6.map(([prefix, bits, kind]) => [parsed(prefix), bits, kind] as const);
const carriesV4 = CARRIES_V4.map(([prefix, bits, at]) => [parsed(prefix), bits, at] as const);
