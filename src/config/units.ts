import { isIP } from 'node:net';

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 };
const bytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `10m` to milliseconds; undefined when it is not a duration or too large to count exactly. A year is 365 days. */
export const parseDuration = (text: string): number | undefined => scaled(/^([0-9]+)(ms|s|m|h|d|y)$/.exec(text), milliseconds);

/** `64KiB` to bytes; undefined when it is not a size or too large to count exactly. */
export const parseSize = (text: string): number | undefined => scaled(/^([0-9]+)(B|KiB|MiB|GiB)$/.exec(text), bytes);

function scaled(match: RegExpExecArray | null, units: Readonly<Record<string, number>>): number | undefined {
  if (match === null) return undefined;
  const value = Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Milliseconds in the largest unit that divides them: what `parseDuration` reads back unchanged. */
export const formatDuration = (value: number): string => inUnits(value, milliseconds, 'ms');

/** Bytes in the largest unit that divides them: what `parseSize` reads back unchanged. */
export const formatSize = (value: number): string => inUnits(value, bytes, 'B');

function inUnits(value: number, units: Readonly<Record<string, number>>, smallest: string): string {
  const fits = Object.entries(units).filter(([, factor]) => value !== 0 && value % factor === 0);
  const [unit, factor] = fits.at(-1) ?? [smallest, 1];
  return `${value / factor}${unit}`;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:6432`, `[::1]:6432`, `gw.internal:6432`. Port 0 lets the system choose. Undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  if (match[1] !== undefined) return isIP(match[1]) === 6 ? { host: match[1].toLowerCase(), port } : undefined;
  const host = (match[2] ?? '').toLowerCase();
  // 127.1 or 300.0.0.1 look like addresses and mean something else, or nothing, to the resolver.
  if (/^[0-9.]+$/.test(host) && isIP(host) !== 4) return undefined;
  return { host, port };
}

/** The form that `parseHostPort` reads. */
export const formatHostPort = ({ host, port }: HostPort): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
