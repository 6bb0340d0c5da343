import { checkAddresses } from './addresses.ts';
import { checkApprovals } from './approvals.ts';
import { checkChannels } from './channels.ts';
import { checkConditions } from './conditions.ts';
import { checkCredentials } from './credentials.ts';
import { checkEvidence } from './evidence.ts';
import { checkGateway } from './gateway.ts';
import { checkHttp, type ApiSets } from './http.ts';
import type { Environment } from './load.ts';
import { checkLogins } from './logins.ts';
import { checkMasks } from './masks.ts';
import type { Problems } from './problems.ts';
import { checkProviders } from './providers.ts';
import { checkNames, type Declared } from './references.ts';
import { checkRetention } from './retention.ts';
import { checkRules } from './rules.ts';
import type { ConfigurationSource } from './schema.ts';
import type { Places } from './shape.ts';

/** What every check works on. Parts that do not fit the schema have already been left out of `source`. */
export interface Checking {
  readonly source: ConfigurationSource;
  readonly places: Places;
  readonly declared: Declared;
  readonly base: string;
  readonly env: Environment;
  readonly problems: Problems;
  readonly warnings: Problems;
  readonly checkSecrets: boolean;
}

/** Everything that the schema cannot say. Each check adds to `problems` or `warnings` and leaves the rest to the others. Gives the rule sets that were loaded for it. */
export async function checkEverything(checking: Checking): Promise<ApiSets> {
  const apis = await checkHttp(checking);
  checkNames(checking);
  checkRetention(checking);
  checkProviders(checking);
  checkAddresses(checking);
  checkConditions(checking);
  checkRules(checking, apis);
  checkMasks(checking);
  checkLogins(checking);
  checkApprovals(checking);
  checkChannels(checking);
  await checkGateway(checking);
  await checkEvidence(checking);
  await checkCredentials(checking);
  return apis;
}
