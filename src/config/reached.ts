import type { ConfigurationSource } from './schema.ts';

type Policy = ConfigurationSource['policies'][number];
type Connection = ConfigurationSource['connections'][number];

/** The connections that a policy is for, as far as they are there. */
export const connectionsOf = ({ connections }: Policy, source: ConfigurationSource): readonly Connection[] => (connections.includes('*') ? source.connections : source.connections.filter(({ name }) => connections.includes(name)));

/** The protocol of all of them; `both` also where none of them is there, since then nothing can be said. */
export function protocolsOf(policy: Policy, source: ConfigurationSource): 'postgres' | 'http' | 'both' {
  const protocols = new Set(connectionsOf(policy, source).map(({ protocol }) => protocol));
  const [only] = protocols;
  return protocols.size === 1 && only !== undefined ? only : 'both';
}
