/**
 * The bucket that a host names, where the connection has the host `*.name` and the client asked for `bucket.name`: virtual-hosted addressing.
 * The bucket then goes in front of the path, so that what is judged is what is sent. Undefined: the host names none.
 */
export const bucketOf = (host: string, hosts: readonly string[]): string | undefined => {
  for (const entry of hosts) {
    if (!entry.startsWith('*.') || hosts.includes(host)) continue;
    const parent = entry.slice(1);
    const bucket = host.endsWith(parent) ? host.slice(0, -parent.length) : '';
    if (/^[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?$/.test(bucket)) return bucket;
  }
  return undefined;
};
