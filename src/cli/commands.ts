import type { Command } from 'commander';

/** Adds a command to what it belongs to. */
export type Register = (parent: Command) => void;

/** A word that may follow `wicketgate`: a command, or the noun that several belong to. */
export interface Entry {
  readonly name: string;
  /** What the list of commands says of it. */
  readonly says: string;
  /** Adds it to the program, with all that belongs to it. */
  readonly whole?: () => Promise<Register>;
  /** Of a noun: its verbs, each to be added to it. */
  readonly verbs?: Readonly<Record<string, () => Promise<Register>>>;
}

/**
 * Every command, by the file it is in. A file is loaded when its command is asked for: most of what one of them needs, the others do
 * without, and loading everything takes a second.
 */
export const commands: readonly Entry[] = [
  { name: 'start', says: 'run the gateway', whole: async () => (await import('./start.ts')).registerStart },
  { name: 'check', says: 'validate a configuration and print what is in force', whole: async () => (await import('./check.ts')).registerCheck },
  { name: 'reload', says: 'make the running gateway read its configuration again; all or nothing', whole: async () => (await import('./reload.ts')).registerReload },
  { name: 'ca', says: 'print the CA that clients should trust, and how, per client', whole: async () => (await import('./ca.ts')).registerCa },
  { name: 'identities', says: 'machine identities', whole: async () => (await import('./identities.ts')).registerIdentities },
  { name: 'overview', says: 'whether all is well, what goes on now, what waits for people, and what was refused', whole: async () => (await import('./overview.ts')).registerOverview },
  { name: 'connections', says: 'what the gateway leads to', whole: async () => (await import('./connections.ts')).registerConnections },
  { name: 'policies', says: 'policies that the running gateway has in force (policy explain and test work on files)', whole: async () => (await import('./policies.ts')).registerPolicies },
  { name: 'policy', says: 'ask and test policies', whole: policy },
  { name: 'catalog', says: 'print the catalog of a target as JSON: names and types, no data. For policy explain and policy test --catalog', whole: async () => (await import('./catalog.ts')).registerCatalog },
  { name: 'admin', says: 'the first administrator of the control plane', verbs: { bootstrap: async () => (await import('./admin-bootstrap.ts')).registerAdminBootstrap } },
  {
    name: 'sessions',
    says: 'recorded and live sessions',
    verbs: {
      list: async () => (await import('./sessions-list.ts')).registerSessionsList,
      search: async () => (await import('./sessions-search.ts')).registerSessionsSearch,
      show: async () => (await import('./sessions-show.ts')).registerSessionsShow,
      replay,
      terminate: async () => (await import('./sessions-terminate.ts')).registerSessionsTerminate,
    },
  },
  { name: 'login', says: 'log in as a person, in a browser; keeps the ID token for this user only', whole: async () => (await import('./login.ts')).registerLogin },
  { name: 'logout', says: 'forget the ID token that login has kept', whole: async () => (await import('./login.ts')).registerLogout },
  { name: 'whoami', says: 'who the gateway takes you for, and which roles you have', whole: async () => (await import('./whoami.ts')).registerWhoami },
  {
    name: 'approvals',
    says: 'commands that wait for people',
    verbs: {
      list: async () => (await import('./approvals-list.ts')).registerApprovalsList,
      show: async () => (await import('./approvals-show.ts')).registerApprovalsShow,
      approve: async () => (await import('./approvals-answer.ts')).registerApprovalsAnswer('approve'),
      deny: async () => (await import('./approvals-answer.ts')).registerApprovalsAnswer('deny'),
      force: async () => (await import('./approvals-answer.ts')).registerApprovalsAnswer('force'),
    },
  },
  {
    name: 'evidence',
    says: 'the evidence log',
    verbs: {
      status: async () => (await import('./evidence-status.ts')).registerEvidenceStatus,
      verify: async () => (await import('./evidence-verify.ts')).registerEvidenceVerify,
      'verify-proof': async () => (await import('./evidence-verify-proof.ts')).registerEvidenceVerifyProof,
      prove: async () => (await import('./evidence-prove.ts')).registerEvidenceProve,
      publish: async () => (await import('./evidence-publish.ts')).registerEvidencePublish,
      'rotate-key': async () => (await import('./evidence-rotate-key.ts')).registerEvidenceRotateKey,
      'restart-log': async () => (await import('./evidence-restart-log.ts')).registerEvidenceRestartLog,
      export: async () => (await import('./evidence-export.ts')).registerEvidenceExport,
      search: async () => (await import('./evidence-search.ts')).registerEvidenceSearch,
      purge: async () => (await import('./evidence-purge.ts')).registerEvidencePurge,
      hold: async () => (await import('./evidence-hold.ts')).registerEvidenceHold,
      jobs: async () => (await import('./evidence-jobs.ts')).registerEvidenceJobs,
    },
  },
  { name: 'activity', says: 'what people and API tokens did', whole: async () => (await import('./activity.ts')).registerActivity },
  { name: 'people', says: 'people who are signed in to the control plane', whole: async () => (await import('./people.ts')).registerPeople },
  { name: 'tokens', says: 'API tokens of the control plane', whole: async () => (await import('./tokens.ts')).registerTokens },
  { name: 'settings', says: 'the control plane itself', whole: async () => (await import('./settings.ts')).registerSettings },
  { name: 'witness', says: "run a witness for somebody else's evidence log: it cosigns checkpoints, and never two histories", whole: async () => (await import('./witness.ts')).registerWitness },
  { name: 'demo', says: 'try everything on this machine (in a clone): embedded PostgreSQL, issuer, gateway, a walk', whole: async () => (await import('./demo.ts')).registerDemo },
];

async function policy(): Promise<Register> {
  const { registerPolicyExplain } = await import('./policy-explain.ts');
  const { registerPolicyTest } = await import('./policy-test.ts');
  const { explainCommand, textCommand } = await import('./command-text.ts');
  return (program) => {
    registerPolicyExplain(program, { explain: explainCommand });
    registerPolicyTest(program, { toCommand: textCommand });
  };
}

async function replay(): Promise<Register> {
  const { registerSessionsReplay } = await import('./sessions-replay.ts');
  const { renderAnswer } = await import('../protocols/postgres/render.ts');
  return (sessions) => registerSessionsReplay(sessions, { render: (_protocol, bytes) => renderAnswer(bytes) });
}
