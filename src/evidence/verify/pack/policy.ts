/** C2SP tlog-policy: which keys of logs and witnesses are trusted, and how many witnesses must have signed. */
import type { Sha256 } from './bytes.ts';
import { BadNote, parseVkey, signedBy, type Note, type VerifierKey } from './note.ts';

type Rule = { readonly witness: string } | { readonly atLeast: number; readonly of: readonly Rule[] };

/** Whom the auditor trusts. */
export interface Trust {
  readonly keys: readonly VerifierKey[];
  readonly witnesses: ReadonlyMap<string, VerifierKey>;
  /** Undefined when no witness is asked for. */
  readonly quorum: Rule | undefined;
}

const MOST_POLICY = 1024 * 1024;

/** Reads verifier keys, one a line, and a policy; either may be empty. Throws BadNote, saying what is wrong. */
export const trustIn = (vkeys: readonly string[], policy: string | undefined, sha256: Sha256): Trust => {
  const keys = vkeys.map((text) => parseVkey(text.trim(), sha256));
  if (keys.some(({ role }) => role === 'witness')) throw new BadNote('this is the key of a witness: name it in a policy');
  if (policy === undefined) return { keys, witnesses: new Map(), quorum: undefined };
  const read = readPolicy(policy, sha256);
  return { ...read, keys: [...keys, ...read.keys] };
};

const readPolicy = (text: string, sha256: Sha256): Trust => {
  if (text.length > MOST_POLICY) throw new BadNote('the policy is longer than a policy may be');
  const keys: VerifierKey[] = [];
  const witnesses = new Map<string, VerifierKey>();
  const rules = new Map<string, Rule>();
  const used = new Set<string>();
  let quorum: { readonly rule: Rule | undefined } | undefined;
  const define = (name: string, rule: Rule): void => {
    if (name === 'none' || rules.has(name)) throw new BadNote(`the name "${name.slice(0, 80)}" is taken in the policy`);
    rules.set(name, rule);
  };
  for (const [i, line] of text.split('\n').entries()) {
    const [keyword = '', name = '', value = '', ...more] = line.trim().split(/[ \t]+/);
    const wrong = (what: string): BadNote => new BadNote(`line ${i + 1} of the policy: ${what}`);
    if (keyword === '' || keyword.startsWith('#')) continue;
    if (keyword === 'log') {
      const key = parseVkey(name, sha256);
      if (key.role !== 'log') throw wrong('this is the key of a witness');
      keys.push(key);
    } else if (keyword === 'witness') {
      const key = parseVkey(value, sha256);
      // A cosignature does not say whose it is: one key under two names would count twice.
      if (key.role !== 'witness' || [...witnesses.values()].some(({ publicKey }) => publicKey.every((byte, at) => byte === key.publicKey[at]))) throw wrong('it is no key for cosignatures, or one that another witness has');
      define(name, { witness: name });
      witnesses.set(name, key);
    } else if (keyword === 'group') {
      const atLeast = value === 'any' ? 1 : value === 'all' ? more.length : /^[1-9]\d{0,4}$/.test(value) ? Number(value) : 0;
      if (atLeast < 1 || atLeast > more.length) throw wrong('a group is: group <name> <k|any|all> <member>...');
      const of = more.map((member) => {
        const rule = rules.get(member);
        if (!rule || used.has(member)) throw wrong(`"${member.slice(0, 80)}" is not known above this line, or is a member already`);
        used.add(member);
        return rule;
      });
      define(name, { atLeast, of });
    } else if (keyword === 'quorum') {
      if (quorum || (name !== 'none' && !rules.has(name))) throw wrong('there is one quorum, of a name known above this line, or none');
      quorum = { rule: rules.get(name) };
    } else throw wrong(`"${keyword.slice(0, 40)}" is neither log, witness, group nor quorum`);
  }
  if (!quorum) throw new BadNote('the policy has no quorum line ("quorum none" when no witness is asked for)');
  return { keys, witnesses, quorum: quorum.rule };
};

/** Who of the witnesses signed a note, whether one of their lines is wrong, and whether it is enough. */
export const cosignaturesOn = async (note: Note, { witnesses, quorum }: Trust): Promise<{ readonly by: readonly string[]; readonly wrong: string | undefined; readonly enough: boolean }> => {
  const by = new Set<string>();
  for (const [name, key] of witnesses) {
    const found = await signedBy(note, key);
    if (found === 'wrong') return { by: [], wrong: name, enough: false };
    if (found === 'good') by.add(name);
  }
  return { by: [...by], wrong: undefined, enough: quorum === undefined || satisfied(quorum, by) };
};

const satisfied = (rule: Rule, by: ReadonlySet<string>): boolean => ('witness' in rule ? by.has(rule.witness) : rule.of.filter((one) => satisfied(one, by)).length >= rule.atLeast);
