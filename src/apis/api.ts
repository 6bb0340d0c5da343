import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Effect, Timing } from '../model/command.ts';
import type { RequestFacts } from '../model/request.ts';
import { loadGraphql } from './graphql.ts';
import { grpcOf } from './grpc.ts';
import { readBehind, type ReadTarget } from './path.ts';
import { compileSet, unknown, type RuleSet } from './rule-set.ts';
import { readSet, SetRefused } from './set-file.ts';
import { bucketOf } from './virtual-host.ts';

/** What requests of a connection's APIs do. */
export interface Api {
  /**
   * The target of a request, which was read already, as these APIs have it: behind the prefix of the connection, with encoded slashes only in the names of stored objects,
   * and with a bucket that the host names (`bucket.gw.internal` where the connection has the host `*.gw.internal`) as the first segment of the path.
   */
  readTarget(target: ReadTarget, prefix: string, host: string): ReadTarget | { readonly refused: string };
  /** What the request would do. Never throws; what no rule set knows has one effect of class unknown. */
  understand(facts: RequestFacts): Understood;
  /** Some operation looks into the body of such a request: the whole body is read first. */
  readsBody(facts: RequestFacts): boolean;
}

export interface Understood {
  /** Of the first effect; `multiple` when they differ. */
  readonly verb: string;
  readonly effects: readonly Effect[];
  readonly timing: Timing;
  /** Name of the operation in its rule set: a word of the rule set, never the client's. */
  readonly operation?: string;
}

/** Rule sets that ship, by name. */
export const shippedSets: readonly string[] = ['rest', 'gcs', 's3', 'pubsub', 'azure-blob', 'azure-arm', 'graphql'];

export interface ApiOptions {
  /** Hosts of the connection; `*.name` lets a host below it name a bucket, where a rule set knows that. */
  readonly hosts?: readonly string[];
}

/** Loads rule sets: names of those that ship, or absolute paths of others. Rejects with SetRefused, which names the set. */
export const loadApi = async (names: readonly string[], { hosts = [] }: ApiOptions = {}): Promise<Api> => apiOf(await loadSets(names), hosts);

/** The rule sets themselves, for what is checked of a configuration. */
export const loadSets = (names: readonly string[]): Promise<readonly RuleSet[]> =>
  Promise.all(
    names.map(async (name) => {
      if (shippedSets.includes(name)) return shippedSet(name);
      if (!path.isAbsolute(name)) throw new SetRefused(`there is no rule set ${JSON.stringify(name)}`);
      const { set, text } = await loadSet(name, name);
      return { ...set, digest: createHash('sha256').update(text).digest('hex') };
    }),
  );

/** Those that ship do not change while the gateway runs, and keep nothing of a request: each is compiled once. */
const compiled = new Map<string, Promise<RuleSet>>();

const shippedSet = (name: string): Promise<RuleSet> => {
  let set = compiled.get(name);
  if (set === undefined) {
    set = loadSet(name, path.join(import.meta.dirname, 'sets', `${name}.yaml`)).then((loaded) => loaded.set);
    compiled.set(name, set);
    // One that could not be read may be there the next time.
    set.catch(() => compiled.delete(name));
  }
  return set;
};

const loadSet = async (name: string, file: string): Promise<{ readonly set: RuleSet; readonly text: string }> => {
  try {
    const text = await readFile(file, 'utf8');
    const source = readSet(text);
    return { set: compileSet(source, source.operations.some(({ graphql }) => graphql === true) ? await loadGraphql() : undefined), text };
  } catch (error) {
    if (error instanceof SetRefused) throw new SetRefused(`rule set ${name}: ${error.message}`);
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    throw new SetRefused(`rule set ${name} cannot be read${code === undefined ? '' : `: ${code}`}`, code === 'ENOENT');
  }
};

function apiOf(sets: readonly RuleSet[], hosts: readonly string[]): Api {
  const mayHoldSlash = (segments: readonly string[]): boolean => sets.some((set) => set.mayHoldSlash(segments));
  const virtualHosted = sets.some((set) => set.virtualHosted);
  return {
    readTarget: (target, prefix, host) => {
      const read = readBehind(target, { prefix, first: virtualHosted ? bucketOf(host, hosts) : undefined, mayHoldSlash });
      return virtualHosted && !('refused' in read) ? withoutPlus(read) : read;
    },
    understand: (asked) => {
      const grpc = grpcOf(asked);
      const facts = grpc === undefined ? asked : { ...asked, grpc };
      for (const set of sets) {
        const found = set.find(facts);
        if (found !== undefined) return summary(found.effects, found.operation);
      }
      return summary([unknown(facts, 'no rule set of the connection knows this request')]);
    },
    readsBody: (facts) => sets.some((set) => set.readsBody(facts)),
  };
}

/** S3 takes a plus sign in a path for a blank, and what speaks its API mostly does not. Encoded it is a plus sign to all of them. */
const withoutPlus = (read: ReadTarget): ReadTarget => (read.path.includes('+') ? { ...read, path: read.path.replaceAll('+', '%2B') } : read);

function summary(effects: readonly Effect[], operation?: string): Understood {
  const verbs = new Set(effects.map(({ verb }) => verb));
  const [verb = 'unknown'] = verbs;
  return {
    verb: verbs.size > 1 ? 'multiple' : verb,
    effects,
    // A request that was sent cannot be taken back.
    timing: effects.every((effect) => effect.class === 'read') ? 'read' : 'immediate',
    ...(operation === undefined ? {} : { operation }),
  };
}
