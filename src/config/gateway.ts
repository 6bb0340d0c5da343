import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { isHostName } from './addresses.ts';
import type { Checking } from './checks.ts';
import { defaults } from './resolve.ts';
import { parseSize } from './units.ts';
import { pathAt } from './written.ts';

/** The gateway's own folders, names and bounds. */
export async function checkGateway({ source, places, base, problems }: Checking): Promise<void> {
  const gateway = source.gateway ?? {};
  const spot = (key: 'data' | 'keys') => (gateway[key] === undefined ? places.of(source.gateway ?? source) : places.of(gateway, key));
  const folder = (key: 'data' | 'keys'): Promise<string> =>
    real(gateway[key] === undefined ? path.resolve(base, defaults[key]) : pathAt(places, gateway, key, gateway[key]));
  const [data, keys] = await Promise.all([folder('data'), folder('keys')]);
  const inside = path.relative(data, keys);
  // Whoever gets a copy of the data (a backup, a volume) must not get with it the keys that sealed it.
  if (inside === '') problems.add(spot('keys'), 'data and keys are the same folder', 'keep the keys apart: who copies data must not get them');
  else if (!inside.startsWith('..') && !path.isAbsolute(inside)) problems.add(spot('keys'), 'keys lies inside data', 'keep the keys apart: who copies data must not get them');

  // A name without a path would be looked for in folders that somebody else may write to.
  if (gateway.keyCommand?.[0]?.startsWith('/') === false) problems.add(places.of(gateway.keyCommand, 0), 'is not a full path', 'begin it with /');

  gateway.names?.forEach((name, index) => {
    if (!isHostName(name.startsWith('*.') ? name.slice(2) : name)) problems.add(places.of(gateway.names ?? [], index), 'is not a host name or an address');
  });

  const limits = gateway.limits ?? {};
  const message = parseSize(limits.message ?? defaults.message);
  const statement = parseSize(limits.statement ?? defaults.statement);
  if (message !== undefined && statement !== undefined && statement > message) {
    problems.add(places.of(limits, limits.statement === undefined ? 'message' : 'statement'), 'a statement may be larger than the message that carries it', 'message must be at least statement');
  }
  if (message !== undefined && message > 1024 ** 3) problems.add(places.of(limits, 'message'), 'is larger than 1GiB, which no protocol carries');
  for (const [holder, key] of [[limits, 'message'], [limits, 'statement'], [limits.preAuth, 'bytes']] as const) {
    const written = (holder as Readonly<Record<string, unknown>> | undefined)?.[key];
    if (holder !== undefined && typeof written === 'string' && parseSize(written) === 0) problems.add(places.of(holder, key), 'is zero, so nothing could pass');
  }
}

/** The path with its links resolved, as far as it exists. */
export async function real(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(await real(parent), path.basename(folder));
  }
}
