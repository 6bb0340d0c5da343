import type { Config, IdentityConfig, PolicyConfig, RuleConfig } from '../../config/resolved.ts';
import type { Command, Effect } from '../../model/command.ts';
import type { Principal } from '../../model/principal.ts';
import { compilePolicies } from '../compile.ts';
import type { SessionPolicy } from '../policy-set.ts';

/** Builders for tests: whole values of the real types from the few fields that a test is about. */
const file = 'wicketgate.yaml';

export const policy = (name: string, more: Partial<Omit<PolicyConfig, 'rules'>> & { readonly rules?: readonly Partial<RuleConfig>[] } = {}): PolicyConfig => ({
  name,
  groups: [],
  identities: ['job'],
  connections: ['*'],
  allow: [],
  mask: [],
  limits: {},
  origin: { file, line: 10 },
  ...more,
  rules: (more.rules ?? []).map((rule, index) => ({ name: `r${index}`, match: {}, effect: 'deny', origin: { file, line: 20 + index }, ...rule })),
});

export const identity = (name: string, groups: readonly string[] = []): IdentityConfig => ({
  name, groups, owner: { contact: 'team@example.com' }, provider: 'ci', claims: { repo: 'one' }, origin: { file, line: 2 },
});

export const config = (policies: readonly PolicyConfig[], identities: readonly IdentityConfig[] = [identity('job', ['jobs'])]): Config => ({
  digest: '0',
  files: [file],
  gateway: { data: '/d', keys: '/k', names: [], tls: 'auto', limits: { message: 1, statement: 1, connections: 1, preAuth: { seconds: 1, bytes: 1 } }, reload: 'signal' },
  control: { login: [], roles: { admin: [], approver: [], auditor: [], viewer: [] }, channels: [] },
  approvals: { forbid: ['requester', 'owner', 'author'], breakGlass: [] },
  evidence: { witnesses: [], quorum: 0, anchors: [] },
  identityProviders: [],
  identities,
  connections: ['main', 'other'].map((name) => ({
    name,
    protocol: 'postgres' as const,
    listen: { host: '127.0.0.1', port: 0 },
    plaintext: true,
    target: { host: 'db', port: 5432, database: 'd', tls: 'disable' as const },
    credential: { username: 'u' },
    evidence: { mode: 'effect' as const, recordAnswers: 0 },
    functions: [],
    origin: { file, line: 5 },
  })),
  policies,
  retention: [],
});

export const principal = (more: Partial<Principal> = {}): Principal => ({
  identity: 'job', provider: 'ci', subject: 'repo:one', groups: ['jobs'], owner: { contact: 'team@example.com' }, claims: {}, tokenFingerprint: 'f', tokenExpiresAt: 0, ...more,
});

export const session = (policies: readonly PolicyConfig[], claims: Readonly<Record<string, unknown>> = {}): SessionPolicy => {
  const found = compilePolicies(config(policies)).forSession(principal({ claims }), 'main');
  if (found === undefined) throw new Error('not granted');
  return found;
};

export const command = (effects: readonly Effect[], facts: Readonly<Record<string, unknown>> = {}): Command => ({
  protocol: 'postgres', verb: effects[0]?.verb ?? 'empty', effects, timing: 'read', facts, recorded: '', bytes: 0,
});

export const table = (name: string, schema?: string) => (schema === undefined ? { kind: 'table', name } : { kind: 'table', name, schema });

export const noon = { now: new Date('2025-06-02T12:00:00Z') };
