import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { load } from '../config/load.ts';
import { isCertificateName } from '../identity/revocations.ts';
import { openState } from '../store/state.ts';
import { askAsPerson, WITHOUT_REASON, withProof, type AsPersonOptions } from './as-person.ts';
import { registerIdentitiesLive } from './identities-live.ts';
import { visibleLine } from './recorded.ts';

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

const configOf = async (where: string) => {
  const loaded = await load(where, process.env, { checkSecrets: false });
  if (loaded.ok) return loaded.config;
  process.stderr.write(`${where} cannot be read as a configuration: wicketgate check --config ${where} says why\n`);
  process.exitCode = 2;
  return undefined;
};

/**
 * `wicketgate identities list, revoke, restore`. Works on the state folder, so it holds whether or not the gateway runs; with `--reason`, a
 * person does it through the running gateway.
 */
export function registerIdentities(program: Command): void {
  const identities = program.command('identities').description('machine identities');
  identities
    .command('list')
    .description('who is known, who is accountable, and who is revoked')
    .requiredOption('--config <file or folder>', 'the configuration')
    .option('--json', 'print for programs')
    .action(async ({ config: where, json }: Options) => {
      const config = await configOf(where);
      if (!config) return;
      const state = openState(config.gateway.data);
      try {
        const revoked = new Map(state.revocations.list().map((one) => [one.identity, one]));
        const rows = config.identities.map(({ name, provider, groups, owner, purpose }) => {
          const revocation = revoked.get(name);
          return { name, provider, groups, owner, ...(purpose === undefined ? {} : { purpose }), ...(revocation ? { revoked: { by: revocation.by, at: new Date(revocation.at).toISOString() } } : {}) };
        });
        const certificates = [...revoked.values()].filter(({ identity }) => isCertificateName(identity)).map(({ identity, by, at }) => ({ certificate: identity, revoked: { by, at: new Date(at).toISOString() } }));
        if (json) process.stdout.write(`${JSON.stringify([...rows, ...certificates], null, 2)}\n`);
        else {
          for (const row of rows) {
            const owned = row.owner.contact ?? row.owner.group ?? '';
            process.stdout.write(`${row.name}  provider ${row.provider}  groups ${row.groups.join(', ') || 'none'}  owner ${owned}${row.revoked ? `  REVOKED ${row.revoked.at} by ${row.revoked.by}` : ''}\n`);
          }
          for (const { certificate, revoked: { by, at } } of certificates) process.stdout.write(`${certificate}  REVOKED ${at} by ${by}\n`);
        }
      } finally {
        state.close();
      }
    });
  const change = (verb: 'revoke' | 'restore', description: string): void => {
    const command = identities
      .command(`${verb} <name>`)
      .description(description)
      .requiredOption('--config <file or folder>', 'the configuration')
      .option('--reason <text>', 'do it as the person who is logged in, with the role admin, through the running gateway: recorded with who and why. Without it: as the user of the gateway')
      .option('--json', 'print for programs');
    withProof(command)
      .action(async (name: string, options: AsPersonOptions & { readonly reason?: string }) => {
        const { config: where, json, reason } = options;
        if (reason !== undefined) return askAsPerson(options, ({ identities: of }) => of[verb]({ name }, { reason }), () => said(name, verb), WITHOUT_REASON);
        const config = await configOf(where);
        if (!config) return;
        if (!isCertificateName(name) && !config.identities.some((identity) => identity.name === name)) {
          process.stderr.write(`no identity ${name} in ${where}\n`);
          process.exitCode = 2;
          return;
        }
        const state = openState(config.gateway.data);
        try {
          if (verb === 'revoke') state.revocations.revoke(name, `${userInfo().username} on the command line`);
          else if (!state.revocations.restore(name)) {
            process.stderr.write(`${name} is not revoked\n`);
            process.exitCode = 1;
            return;
          }
          process.stdout.write(json ? `${JSON.stringify({ ok: true, identity: name, done: verb })}\n` : said(name, verb));
        } finally {
          state.close();
        }
      });
  };
  change('revoke', 'end an identity at once, whatever the configuration says; or, as sha256:FINGERPRINT, a client certificate or all below a CA');
  change('restore', 'take a revocation back');
  registerIdentitiesLive(identities);
}

const said = (name: string, verb: 'revoke' | 'restore'): string => `${visibleLine(name)} ${verb}d: ${verb === 'revoke' ? 'its sessions end within 2 seconds' : 'it may log in again within a second'}\n`;
