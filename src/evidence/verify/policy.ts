/** C2SP tlog-policy: which log keys and witnesses an auditor trusts, and how many of the witnesses must have signed. */
import { NotANote, parseVkey, signedBy, type Note, type VerifierKey } from './note.ts';

export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: ReadonlyMap<string, VerifierKey>;
  /** Names of the witnesses that must have signed, as a rule over names; undefined for `quorum none`. */
  readonly quorum: Rule | undefined;
}

type Rule = { readonly witness: string } | { readonly atLeast: number; readonly of: readonly Rule[] };

const MOST_POLICY = 1024 * 1024;
const MOST_LINES = 10_000;

/** Reads a policy. Throws NotANote, saying which line is wrong. */
export const parsePolicy = (text: string): Policy => {
  const lines = text.split('\n');
  if (text.length > MOST_POLICY || lines.length > MOST_LINES) throw new NotANote('the policy is longer than a policy may be');
  const reader = new PolicyReader();
  for (const [i, line] of lines.entries()) {
    try {
      reader.line(line);
    } catch (error) {
      throw new NotANote(`line ${i + 1} of the policy: ${(error as Error).message}`, { cause: error });
    }
  }
  return reader.policy();
};

class PolicyReader {
  readonly #logs: VerifierKey[] = [];
  readonly #witnesses = new Map<string, VerifierKey>();
  readonly #rules = new Map<string, Rule>();
  /** Each witness and group is in one group at most: so that a quorum costs no more to count than the policy has lines. */
  readonly #used = new Set<string>();
  #quorum: { readonly rule: Rule | undefined } | undefined;

  line(line: string): void {
    const words = line.trim().split(/[ \t]+/);
    const [keyword = '', ...rest] = words;
    if (keyword === '' || keyword.startsWith('#')) return;
    if (keyword === 'log') this.#log(rest);
    else if (keyword === 'witness') this.#witness(rest);
    else if (keyword === 'group') this.#group(rest);
    else if (keyword === 'quorum') this.#setQuorum(rest);
    else throw new NotANote(`"${keyword.slice(0, 40)}" is neither log, witness, group nor quorum`);
  }

  policy(): Policy {
    if (!this.#quorum) throw new NotANote('the policy has no quorum line ("quorum none" when no witness is asked for)');
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum.rule };
  }

  #log([vkey, , ...more]: readonly string[]): void {
    if (vkey === undefined || more.length > 0) throw new NotANote('a log is: log <vkey> [url]');
    const key = parseVkey(vkey);
    if (key.role !== 'log') throw new NotANote('this is the key of a witness');
    for (const other of this.#logs) if (other.key.equals(key.key)) throw new NotANote('two logs have one key');
    this.#logs.push(key);
  }

  #witness([name, vkey, , ...more]: readonly string[]): void {
    if (name === undefined || vkey === undefined || more.length > 0) throw new NotANote('a witness is: witness <name> <vkey> [url]');
    const key = parseVkey(vkey);
    if (key.role !== 'witness') throw new NotANote('this is no key for cosignatures');
    // A cosignature does not say whose it is: one key under two names would count twice.
    for (const other of this.#witnesses.values()) if (other.key.equals(key.key)) throw new NotANote('two witnesses have one key');
    this.#define(name, { witness: name });
    this.#witnesses.set(name, key);
  }

  #group([name, threshold, ...members]: readonly string[]): void {
    if (name === undefined || threshold === undefined || members.length === 0) throw new NotANote('a group is: group <name> <k|any|all> <member>...');
    const atLeast = threshold === 'any' ? 1 : threshold === 'all' ? members.length : /^[1-9]\d{0,4}$/.test(threshold) ? Number(threshold) : 0;
    if (atLeast < 1 || atLeast > members.length) throw new NotANote(`"${threshold.slice(0, 20)}" of ${members.length} members is no threshold`);
    const of = members.map((member) => {
      const rule = this.#rules.get(member);
      if (!rule) throw new NotANote(`"${member.slice(0, 80)}" is not known above this line`);
      if (this.#used.has(member)) throw new NotANote(`"${member.slice(0, 80)}" is a member already`);
      this.#used.add(member);
      return rule;
    });
    this.#define(name, { atLeast, of });
  }

  #setQuorum([name, ...more]: readonly string[]): void {
    if (name === undefined || more.length > 0 || this.#quorum) throw new NotANote('there is one quorum, of one name');
    const rule = this.#rules.get(name);
    if (!rule && name !== 'none') throw new NotANote(`"${name.slice(0, 80)}" is not known above this line`);
    this.#quorum = { rule };
  }

  #define(name: string, rule: Rule): void {
    if (name === 'none' || this.#rules.has(name)) throw new NotANote(`the name "${name.slice(0, 80)}" is taken`);
    this.#rules.set(name, rule);
  }
}

/** Who of the policy's witnesses signed a note, whether one of their lines is wrong, and whether it is enough. */
export const cosignaturesOn = (note: Note, policy: Policy): { readonly by: readonly string[]; readonly wrong: string | undefined; readonly enough: boolean } => {
  const by = new Set<string>();
  for (const [name, key] of policy.witnesses) {
    const found = signedBy(note, key);
    if (found === 'wrong') return { by: [], wrong: name, enough: false };
    if (found === 'good') by.add(name);
  }
  return { by: [...by], wrong: undefined, enough: policy.quorum === undefined || satisfied(policy.quorum, by) };
};

const satisfied = (rule: Rule, by: ReadonlySet<string>): boolean =>
  'witness' in rule ? by.has(rule.witness) : rule.of.filter((one) => satisfied(one, by)).length >= rule.atLeast;
