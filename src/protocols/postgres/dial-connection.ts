import type { PostgresConnectionConfig } from '../../config/resolved.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import { dial, type DialOptions, type Upstream } from './dial.ts';

/** Logs in at a connection's target with its credential, which is leased for this one login. Rejects with DialError or SecretUnavailable. */
export const dialConnection = async (
  { target, credential }: Pick<PostgresConnectionConfig, 'target' | 'credential'>,
  secrets: Secrets,
  options: Pick<DialOptions, 'parameters' | 'deadlineMs' | 'signal'>,
): Promise<Upstream> => {
  const lease = credential.password && (await secrets.lease(credential.password));
  return dial({ ...options, target, username: credential.username, ...(lease ? { password: (use) => lease.use(use) } : {}) });
};
