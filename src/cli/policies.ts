import type { Command } from 'commander';
import type { Matrix, PolicyList, PolicyView, VersionPage } from '../control/client.ts';
import { askAsPerson, pageOf, withPage, withPerson, type AsPersonOptions, type PageOptions } from './as-person.ts';
import { visibleLine } from './recorded.ts';
import { lines, moment, more, section, table } from './tables.ts';

/** `wicketgate policies list`, `matrix`, `versions`: what the running gateway has in force, and since when. */
export function registerPolicies(program: Command): void {
  const policies = program.command('policies').description('policies that the running gateway has in force (policy explain and test work on files)');
  withPerson(policies.command('list').description('policies in force, each thing with the file and line that it stands at')).action((options: AsPersonOptions) => askAsPerson(options, (client) => client.policies.list(), describe));
  withPerson(policies.command('matrix').description('who can reach what: identities by connections')).action((options: AsPersonOptions) => askAsPerson(options, (client) => client.policies.matrix(), reach));
  withPage(withPerson(policies.command('versions').description('configurations that were put in force or refused, newest first, with what each changed'))).action((options: AsPersonOptions & PageOptions) =>
    askAsPerson(options, (client) => client.policies.versions(pageOf(options)), versions),
  );
}

const describe = ({ version, config, files, items }: PolicyList): string =>
  `${lines([['policies', version], ['configuration', config], ['files', files]])}${items.map(policy).join('')}${items.length === 0 ? '\nno policies: nobody may do anything\n' : ''}`;

const policy = ({ name, identities, groups, connections, allow, rules, masks, limits, origin }: PolicyView): string =>
  section(
    visibleLine(`${name}  (${origin.file}:${origin.line})`),
    lines([
      ['  identities', identities.length === 0 ? undefined : identities],
      ['  groups', groups.length === 0 ? undefined : groups],
      ['  connections', connections],
      ['  allow', allow.length === 0 ? 'nothing' : allow],
      ...rules.map(({ name: rule, effect, match, when, reason, approval, origin: at }): [string, string] => [
        `  rule ${visibleLine(rule)}`,
        [
          `${effect} ${matching(match)}`,
          ...(when === undefined ? [] : [`when ${when}`]),
          ...(approval ? [`${approval.count} of ${approval.groups.join(' or ')}`] : []),
          ...(reason === undefined ? [] : [`because ${reason}`]),
          `(${at.file}:${at.line})`,
        ].join('; '),
      ]),
      ...masks.map(({ name: mask, columns, detect, mode, transform, origin: at }): [string, string] => [`  mask ${visibleLine(mask)}`, `${[...columns, ...detect.map((one) => `detected ${one}`)].join(', ')}: ${mode}, ${transform}; (${at.file}:${at.line})`]),
      ['  limits', Object.keys(limits).length === 0 ? undefined : Object.entries(limits).map(([limit, value]) => `${limit} ${value}`)],
    ]),
  );

const matching = (match: Readonly<Record<string, unknown>>): string => {
  const parts = Object.entries(match).map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(', ') : key === 'rows' ? `> ${String(value)}` : JSON.stringify(value)}`);
  return parts.length === 0 ? 'everything' : parts.join(', ');
};

const reach = ({ version, identities, connections, cells, cut }: Matrix): string => {
  const rows = cells.map(({ identity, connection, allow, rules, approvals, masks, policies: by }) => [identity, connection, allow.join(', '), rules, approvals, masks, by.join(', ')]);
  const nowhere = identities.filter((name) => !cells.some(({ identity }) => identity === name));
  return [
    table(['IDENTITY', 'CONNECTION', 'ALLOW', 'RULES', 'APPROVALS', 'MASKS', 'POLICIES'], rows, 'nobody can reach anything'),
    nowhere.length === 0 ? '' : `reach nothing: ${visibleLine(nowhere.join(', '))}\n`,
    cut ? `only the first ${identities.length} identities and ${connections.length} connections are shown\n` : '',
    `policies ${version}\n`,
  ].join('');
};

const versions = ({ items, next }: VersionPage): string =>
  items.length === 0
    ? `no versions\n${more(next)}`
    : `${items.map(({ sequence, at, event, config, policy: version, changes }) => `${moment(at)}  ${WORDS[event]}  ${config}${version === undefined ? '' : `, policies ${version}`}  (record ${sequence})\n${changes.map((change) => `    ${visibleLine(change)}\n`).join('')}`).join('')}${more(next)}`;

const WORDS = { start: 'started with', change: 'in force', refused: 'refused, still in force' } as const;
