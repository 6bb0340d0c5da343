/** What is known about issuers that many organisations share: a token of theirs says nothing until a claim says whose it is. */
interface SharedIssuer {
  readonly issuer: string;
  /** Claims that only one tenant's tokens have, never given to another. */
  readonly ids: readonly string[];
  /** Claims that name a tenant, by names that can be given away or taken over. */
  readonly names: readonly string[];
}

export const sharedIssuers: readonly SharedIssuer[] = [
  {
    issuer: 'https://token.actions.githubusercontent.com',
    ids: ['repository_id', 'repository_owner_id', 'enterprise_id'],
    names: ['repository', 'repository_owner', 'enterprise', 'sub', 'job_workflow_ref'],
  },
  { issuer: 'https://gitlab.com', ids: ['project_id', 'namespace_id'], names: ['project_path', 'namespace_path', 'sub'] },
  { issuer: 'https://agent.buildkite.com', ids: ['organization_id', 'pipeline_id'], names: ['organization_slug', 'pipeline_slug', 'sub'] },
  { issuer: 'https://accounts.google.com', ids: ['sub', 'azp'], names: ['email', 'hd'] },
  { issuer: 'https://app.terraform.io', ids: ['terraform_organization_id', 'terraform_project_id', 'terraform_workspace_id'], names: ['terraform_organization_name', 'sub'] },
];

/**
 * Audiences of other services. A token that was made for one of them must not open anything here: whoever receives such a token
 * there could use it here.
 */
const cloudAudiences: ReadonlySet<string> = new Set([
  // Microsoft: Resource Manager, Graph, databases, storage, vault; by name and by application id.
  'https://management.azure.com', 'https://management.core.windows.net', 'https://graph.microsoft.com', 'https://graph.windows.net',
  'https://database.windows.net', 'https://ossrdbms-aad.database.windows.net', 'https://storage.azure.com', 'https://vault.azure.net',
  'https://login.microsoftonline.com', 'api://azureadtokenexchange',
  '00000002-0000-0000-c000-000000000000', '00000003-0000-0000-c000-000000000000', '797f4846-ba00-4fd7-ba43-dac1f8f63013',
  '022907d3-0f1b-48f7-badc-1ba6abab6d66', '123cd850-d9df-40bd-94d5-c9f07b7fa203', 'e406a681-f3d4-42a8-90b6-c2b029497af1', 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093',
  // Amazon, Google, Kubernetes, package registries and signing.
  'sts.amazonaws.com', 'https://sts.amazonaws.com', 'https://oauth2.googleapis.com/token', 'https://accounts.google.com',
  'https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local', 'kubernetes.default.svc', 'sigstore', 'pypi', 'testpypi',
  'npm:registry.npmjs.org',
]);
const cloudPrefixes: readonly string[] = ['https://www.googleapis.com/', '//iam.googleapis.com/', 'https://iam.googleapis.com/', 'https://container.googleapis.com/'];

/** Whether an audience belongs to a service that many give tokens to. */
export function isCloudAudience(audience: string): boolean {
  const lower = audience.toLowerCase();
  return cloudAudiences.has(lower.replace(/\/+$/, '')) || cloudPrefixes.some((prefix) => lower.startsWith(prefix));
}

/** Whether an audience is what an issuer writes when a job asks for none, so that every service that takes defaults accepts it. */
export const isDefaultAudience = (audience: string): boolean => /^https:\/\/(github\.com|gitlab\.com|buildkite\.com)(\/[^/]*)?\/?$/i.test(audience);
