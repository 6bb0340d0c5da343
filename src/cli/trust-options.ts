import { lstatSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { NotANote, parseVkey, type VerifierKey } from '../evidence/verify/note.ts';
import { parsePolicy, type Policy } from '../evidence/verify/policy.ts';
import { visibleLine, wrongUse } from './recorded.ts';

/** Where an auditor says whom to trust. */
export interface TrustOptions {
  readonly vkey?: readonly string[];
  readonly policy?: string;
}

const MOST_POLICY = 1024 * 1024;

/** Gathers an option that may be given more than once. */
export const several = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

/** The options that every verifying command takes. */
export const withTrustOptions = (command: Command): Command =>
  command
    .option('--vkey <key>', 'verifier key of a log, <name>+<id>+<base64>, that you have from elsewhere (can be given again)', several)
    .option('--policy <file>', 'a tlog-policy file: keys of logs and witnesses that you trust, and how many witnesses must have signed');

/** The keys and the policy that were given; undefined after saying what is wrong with them. */
export const trustIn = ({ vkey = [], policy: path }: TrustOptions): { readonly keys: readonly VerifierKey[]; readonly policy: Policy | undefined } | undefined => {
  try {
    const policy = path === undefined ? undefined : parsePolicy(readPolicy(path));
    const keys = vkey.map((text) => parseVkey(text.trim()));
    const witness = keys.find(({ role }) => role === 'witness');
    if (witness) return wrongUse(`${visibleLine(witness.name)} is the key of a witness: name it in a --policy`);
    return { keys: [...keys, ...(policy?.logs ?? [])], policy };
  } catch (error) {
    if (!(error instanceof NotANote)) throw error;
    return wrongUse(visibleLine(error.message));
  }
};

/** The text of the policy that was given. After `trustIn` has found nothing wrong with it. */
export const policyIn = ({ policy }: TrustOptions): string | undefined => (policy === undefined ? undefined : readPolicy(policy));

const readPolicy = (path: string): string => {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > MOST_POLICY) throw new NotANote(`${path} is no policy file`);
  return readFileSync(path, 'utf8');
};
