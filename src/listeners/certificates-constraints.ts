import { addressBytes } from '../wire/addresses.ts';

/** Name constraints (RFC 5280 section 4.2.1.10): what a CA may vouch for, so that a stolen CA key is of no use elsewhere. */
export const NAME_CONSTRAINTS = '2.5.29.30';

/** Names and addresses that a CA is for. */
export interface Scope {
  /** Lower case, without a wildcard: each stands for itself and everything below it. */
  readonly hosts: readonly string[];
  /** Address and mask one after the other, as RFC 5280 writes them. */
  readonly networks: readonly Uint8Array[];
}

/** No real name can be below it (RFC 6761): a CA for addresses alone permits this one host, and so no other. */
const NO_HOST = 'invalid';
const ALL_IPV4 = new Uint8Array(8);
const ALL_IPV6 = new Uint8Array(32);

/** The scope of exactly the given host names and addresses, as `gateway.names` writes them. */
export const scopeOf = (names: readonly string[]): Scope => {
  const hosts = new Set<string>();
  const networks: Uint8Array[] = [];
  for (const name of names) {
    const address = addressBytes(name);
    if (address === undefined) hosts.add(hostOf(name));
    else networks.push(Uint8Array.from([...address, ...address.map(() => 0xff)]));
  }
  return { hosts: [...hosts], networks };
};

/** Whether a CA of this scope may vouch for a name. */
export const isInScope = (scope: Scope, name: string): boolean => {
  const address = addressBytes(name);
  if (address !== undefined) return scope.networks.some((network) => isInNetwork(address, network));
  const host = hostOf(name);
  return scope.hosts.some((permitted) => host === permitted || host.endsWith(`.${permitted}`));
};

const hostOf = (name: string): string => name.toLowerCase().replace(/^\*\./, '').replace(/\.$/, '');

const isInNetwork = (address: Uint8Array, network: Uint8Array): boolean =>
  network.length === address.length * 2 && address.every((byte, index) => (byte & (network[address.length + index] ?? 0)) === network[index]);

/** DER tags: SEQUENCE; permitted and excluded subtrees; dNSName and iPAddress of GeneralName. */
const TAG = { sequence: 0x30, permitted: 0xa0, excluded: 0xa1, dns: 0x82, address: 0x87 } as const;

/** The extension's value. Without addresses in the scope all are excluded, because a kind that is not mentioned is not constrained. */
export const encodeScope = (scope: Scope): Uint8Array => {
  const hosts = scope.hosts.length === 0 ? [NO_HOST] : scope.hosts;
  const permitted = [
    ...hosts.map((host) => der(TAG.sequence, der(TAG.dns, Buffer.from(host, 'latin1')))),
    ...scope.networks.map((network) => der(TAG.sequence, der(TAG.address, network))),
  ];
  const excluded = scope.networks.length > 0 ? [] : [der(TAG.excluded, ...[ALL_IPV4, ALL_IPV6].map((network) => der(TAG.sequence, der(TAG.address, network))))];
  return der(TAG.sequence, der(TAG.permitted, ...permitted), ...excluded);
};

/** Reads what `encodeScope` wrote. Throws on anything else. */
export const decodeScope = (value: Uint8Array): Scope => {
  const [outer, rest] = element(Buffer.from(value));
  if (outer.tag !== TAG.sequence || rest.length > 0) throw new Error('name constraints are malformed');
  const permitted = elements(outer.content).find(({ tag }) => tag === TAG.permitted);
  const names = permitted === undefined ? [] : elements(permitted.content).flatMap(({ content }) => elements(content));
  return {
    hosts: names.filter(({ tag }) => tag === TAG.dns).map(({ content }) => content.toString('latin1')),
    networks: names.filter(({ tag }) => tag === TAG.address).map(({ content }) => content),
  };
};

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const der = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  if (content.length > 0xffff) throw new Error('too many names for one certificate');
  return Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]), content]);
};

/** The first element and what follows it. */
const element = (bytes: Buffer): [Element, Buffer] => {
  const [tag, short] = bytes;
  if (tag === undefined || short === undefined) throw new Error('name constraints are cut off');
  const start = short < 0x80 ? 2 : short === 0x82 ? 4 : Number.NaN;
  const length = start === 2 ? short : bytes.readUInt16BE(2);
  if (Number.isNaN(start) || bytes.length < start + length) throw new Error('name constraints are malformed');
  return [{ tag, content: bytes.subarray(start, start + length) }, bytes.subarray(start + length)];
};

const elements = (bytes: Buffer): readonly Element[] => {
  const found: Element[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const [next, following] = element(rest);
    found.push(next);
    rest = following;
  }
  return found;
};
