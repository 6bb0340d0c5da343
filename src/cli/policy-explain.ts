import { InvalidArgumentError, Option, type Command as Program } from 'commander';
import { load } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import type { Config, ConnectionConfig } from '../config/resolved.ts';
import { didYouMean } from '../config/suggest.ts';
import type { Command } from '../model/command.ts';
import { assumedPrincipal } from '../policy/assumed.ts';
import { parseTimestamp } from '../policy/cases.ts';
import { compilePolicies, PolicyError } from '../policy/compile.ts';
import type { Asking, DecisionContext, PolicySet } from '../policy/policy-set.ts';
import { printExplanation } from '../policy/print-explanation.ts';
import { visibleLine } from '../model/visible.ts';

/** What the policy commands need from the protocols. */
export interface PolicyCommandDeps {
  /**
   * Understands a command's text as the connection's protocol would, with the catalog in the file or an empty one. A text that does not
   * parse is a Command that is unknown; rejects when the catalog file cannot be read. Ends what it started by itself.
   */
  toCommand(text: string, connection: ConnectionConfig, catalogFile?: string): Promise<Command>;
}

/** A text as a session of the connection would understand it. */
export interface Explained {
  readonly command: Command;
  /** Why the protocol refuses a command that policy allows, such as a mask that it would get around; undefined when it does not. */
  objection(asking: Asking): string | undefined;
  /** Where names without a schema were looked up, in order, and who said so. */
  readonly searchPath: readonly string[];
  readonly searchPathFrom: 'asked' | 'catalog' | 'default';
}

/** What `policy explain` needs. */
export interface ExplainDeps {
  /** Understands a text with the catalog in the file or an empty one, and the search_path that was asked for, that of the catalog, or a default. Rejects when the file cannot be read. */
  explain(text: string, connection: ConnectionConfig, names: { readonly catalogFile?: string; readonly searchPath?: readonly string[] }): Promise<Explained>;
}

interface ExplainOptions {
  readonly config: string;
  readonly identity: string;
  readonly connection: string;
  readonly command: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly at?: Date;
  readonly rows?: number;
  readonly catalog?: string;
  readonly searchPath?: readonly string[];
  readonly json?: boolean;
}

/** Wrong use, or input that cannot be read: exit code 2. */
export class WrongUse extends Error {}

/** `wicketgate policy explain`: the decision, the rule, its file and line. Exit code 0 allowed, 1 not allowed, 2 wrong use. */
export function registerPolicyExplain(program: Program, deps: ExplainDeps): void {
  policyNoun(program)
    .command('explain')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .description('what the policies say to a command, and why')
    .requiredOption('--config <file or folder>', 'the configuration')
    .requiredOption('--identity <name>', 'who asks')
    .requiredOption('--connection <name>', 'where')
    .requiredOption('--command <text>', 'the command as a client sends it: for postgres SQL; for http METHOD PATH, with header fields, an empty line and a body on the lines after it')
    .addOption(new Option('--claims <json>', 'claims of the token, over those that the identity requires').argParser(parseClaims))
    .addOption(new Option('--at <time>', 'as if it were this time, such as 2025-06-02T04:00:00Z; default: now').argParser(parseTime))
    .addOption(new Option('--rows <count>', 'as if it changed so many rows; default: not known').argParser(parseRows))
    .option('--catalog <file>', 'the target\'s catalog as JSON; default: an empty one, so that its own names are not known')
    .addOption(new Option('--search-path <schemas>', 'schemas in which names without one are looked up, in order, separated by commas; default: that of the catalog file, without one pg_catalog, public').argParser(parsePath))
    .option('--json', 'print for programs')
    .action((options: ExplainOptions) => withExitCode(options.json === true, () => explain(options, deps)));
}

async function explain({ config: where, identity, connection, command, claims = {}, at, rows, catalog, searchPath: asked, json }: ExplainOptions, deps: ExplainDeps): Promise<number> {
  const { config, policies } = await openPolicies(where);
  const who = named('identity', identity, config.identities);
  const target = named('connection', connection, config.connections);
  const policy = policies.forSession(assumedPrincipal(who, claims), connection);
  if (policy === undefined) {
    const reason = `no policy lets ${identity} reach ${connection}`;
    process.stdout.write(json === true ? `${JSON.stringify({ granted: false, reason, policyVersion: policies.version }, null, 2)}\n` : `denied: ${reason}\n`);
    return 1;
  }
  const context: DecisionContext = { now: at ?? new Date(), sessionAgeMs: 0, ...(rows === undefined ? {} : { rows }) };
  const understood = await deps.explain(command, target, { ...(catalog === undefined ? {} : { catalogFile: catalog }), ...(asked === undefined ? {} : { searchPath: asked }) });
  const explanation = policy.explain(understood.command, context);
  const allowed = explanation.decision.effect === 'allow';
  const refused = allowed ? understood.objection({ masks: policy.masks, decide: (one) => policy.decide(one, context) }) : undefined;
  const { searchPath, searchPathFrom } = understood;
  const beside = { ...(refused === undefined ? {} : { refused }), searchPath, searchPathFrom };
  if (json === true) process.stdout.write(`${JSON.stringify({ granted: true, ...explanation, ...beside }, null, 2)}\n`);
  else process.stdout.write(`${refused === undefined ? '' : `refused, although policy allows it: ${refused}\n\n`}${printExplanation(explanation)}\n${searchPath.length === 0 ? '' : `\n${PATH_FROM[searchPathFrom]}: ${visibleLine(searchPath.join(', '))}\n`}`);
  return allowed && refused === undefined ? 0 : 1;
}

const PATH_FROM: Readonly<Record<Explained['searchPathFrom'], string>> = {
  asked: 'names without a schema were looked up, as --search-path says, in',
  catalog: 'names without a schema were looked up, as the catalog file says, in',
  default: 'names without a schema were looked up in the default, since neither --search-path nor --catalog says where',
};

/** The noun `policy`, once, whichever of its commands comes first. */
export function policyNoun(program: Program): Program {
  return program.commands.find((command) => command.name() === 'policy') ?? program.command('policy').description('ask and test policies');
}

/** Loads and compiles. Secrets of another machine do not stand in the way of a question. */
export async function openPolicies(where: string): Promise<{ readonly config: Config; readonly policies: PolicySet }> {
  const result = await load(where, process.env, { checkSecrets: false });
  if (!result.ok) throw new WrongUse(result.problems.map(formatProblem).join('\n'));
  try {
    return { config: result.config, policies: compilePolicies(result.config) };
  } catch (error) {
    throw error instanceof PolicyError ? new WrongUse(error.message) : error;
  }
}

/** Runs a command, says in its form what is wrong, and sets the exit code. */
export async function withExitCode(json: boolean, run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (json) process.stdout.write(`${JSON.stringify({ error: message }, null, 2)}\n`);
    else process.stderr.write(`${message}\n`);
    process.exitCode = 2;
  }
}

function named<T extends { readonly name: string }>(kind: string, name: string, all: readonly T[]): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const hint = didYouMean(name, all.map((one) => one.name));
  throw new WrongUse(`there is no ${kind} ${JSON.stringify(name)}${hint === undefined ? '' : ` (${hint})`}`);
}

function parseClaims(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgumentError('Write a JSON object.');
  return value as Record<string, unknown>;
}

function parseTime(text: string): Date {
  const time = parseTimestamp(text);
  if (time === undefined) throw new InvalidArgumentError('Write a time with its zone, such as 2025-06-02T04:00:00Z.');
  return time;
}

function parsePath(text: string): readonly string[] {
  const path = text.split(',').map((schema) => schema.trim().replace(/^"(.*)"$/, '$1'));
  if (path.length > 32 || path.some((schema) => schema === '' || schema.length > 63)) throw new InvalidArgumentError('Write schemas, separated by commas.');
  return path;
}

function parseRows(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Write a count.');
  return Number(text);
}
