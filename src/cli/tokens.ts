import { InvalidArgumentError, type Command } from 'commander';
import type { NewToken, TokenList, TokenRequest, TokenView } from '../control/client.ts';
import { askAsPerson, wholeNumber, withPerson, type AsPersonOptions } from './as-person.ts';
import { visibleLine } from './recorded.ts';
import { lines, moment, table } from './tables.ts';

interface CreateOptions extends AsPersonOptions {
  readonly role: TokenRequest['roles'];
  readonly action?: readonly string[];
  readonly days: number;
}

const ROLES = ['admin', 'auditor', 'viewer'] as const satisfies TokenRequest['roles'];

const andRole = (value: string, before: TokenRequest['roles'] = []): TokenRequest['roles'] => {
  const role = ROLES.find((one) => one === value);
  if (!role) throw new InvalidArgumentError(`It takes ${ROLES.join(', ')}; a token is a machine and never an approver.`);
  return [...before, role];
};
const andAction = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** `wicketgate tokens list`, `create`, `revoke`: API tokens, which are machines and never answer an approval. */
export function registerTokens(program: Command): void {
  const tokens = program.command('tokens').description('API tokens of the control plane');
  withPerson(tokens.command('list').description('API tokens, newest first, without their secrets')).action((options: AsPersonOptions) => askAsPerson(options, (client) => client.tokens.list(), listed));
  withPerson(tokens.command('create <name>').description('make an API token; its secret is printed once and kept nowhere'))
    .requiredOption('--role <role>', `what it may do, of the roles that you have: ${ROLES.join(', ')}; may be given again`, andRole)
    .option('--action <operation>', 'only this operation, such as overview.show; may be given again', andAction)
    .requiredOption('--days <number>', 'how long it lives, up to 365', wholeNumber(1, 365))
    .action((name: string, options: CreateOptions) =>
      askAsPerson(options, (client) => client.tokens.create({ name, roles: options.role, ...(options.action ? { actions: options.action } : {}), days: options.days }), made),
    );
  withPerson(tokens.command('revoke <id>').description('end an API token at once')).action((id: string, options: AsPersonOptions) =>
    askAsPerson(options, (client) => client.tokens.revoke({ id }), () => `token ${visibleLine(id)} revoked\n`),
  );
}

const stateOf = ({ revokedAt, expiresAt }: TokenView): string => {
  if (revokedAt !== undefined) return `revoked ${moment(revokedAt)}`;
  return Date.parse(expiresAt) <= Date.now() ? 'expired' : 'good';
};

const listed = ({ items }: TokenList): string =>
  table(
    ['TOKEN', 'NAME', 'ROLES', 'OPERATIONS', 'MADE BY', 'EXPIRES', 'LAST USE', 'STATE'],
    items.map((token) => [token.id, token.name, token.roles.join(', '), token.actions?.join(', ') ?? 'all of its roles', token.createdBy, moment(token.expiresAt), moment(token.lastUsedAt) ?? 'never', stateOf(token)]),
    'no tokens',
  );

const made = ({ token, secret }: NewToken): string =>
  `${lines([
    ['token', token.id],
    ['name', token.name],
    ['roles', token.roles],
    ['operations', token.actions],
    ['expires', moment(token.expiresAt)],
    ['secret', secret],
  ])}The secret is shown this once. Send it as Authorization: Bearer SECRET.\n`;
