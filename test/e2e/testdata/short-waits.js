// Loaded into a gateway with --import: the minute that a body may stand still is three seconds here, the quarter of an hour of an answer five, and
// names below `.names.test` lead to the addresses that they say: `169-254-169-254.and.127-0-0-1.names.test`.
import dns from 'node:dns';

const { setTimeout } = globalThis;
const SHORT = new Map([[60_000, 3_000], [900_000, 5_000]]);
// @ts-expect-error Without what promisify needs of it, which nobody asks for here.
globalThis.setTimeout = (then, ms, ...rest) => setTimeout(then, SHORT.get(ms ?? 0) ?? ms, ...rest);

const { lookup } = dns;
// @ts-expect-error One of its forms, which is the one that is called.
dns.lookup = (name, options, then) => {
  // @ts-expect-error As it was asked.
  if (!name.endsWith('.names.test')) return lookup(name, options, then);
  const addresses = name.slice(0, -'.names.test'.length).split('.and.').map((address) => (/^\d+(?:-\d+){3}$/.test(address) ? { address: address.replaceAll('-', '.'), family: 4 } : { address: address.replaceAll('-', ':'), family: 6 }));
  setImmediate(/** @type {(...given: unknown[]) => void} */ (then), null, addresses);
};
