import { isIP } from 'node:net';
import { addressKind } from '../wire/addresses.ts';

/** Names at which a cloud hands out the machine's own credentials. */
export const metadataNames: ReadonlySet<string> = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal']);

/** Link-local and metadata addresses, however they are written. */
export const isMetadata = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/g, '').replace(/\.$/, '').toLowerCase();
  return metadataNames.has(bare) || (isIP(bare) !== 0 && addressKind(bare) === 'forbidden');
};
