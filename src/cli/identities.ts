import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { load } from '../config/load.ts';
import { openState } from '../store/state.ts';

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

/** `wicketgate identities list, revoke, restore`. Works on the state folder, so it holds whether or not the gateway runs. */
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
        if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
        else {
          for (const row of rows) {
            const owned = row.owner.contact ?? row.owner.group ?? '';
            process.stdout.write(`${row.name}  provider ${row.provider}  groups ${row.groups.join(', ') || 'none'}  owner ${owned}${row.revoked ? `  REVOKED ${row.revoked.at} by ${row.revoked.by}` : ''}\n`);
          }
        }
      } finally {
        state.close();
      }
    });
  const change = (verb: 'revoke' | 'restore', description: string): void => {
    identities
      .command(`${verb} <name>`)
      .description(description)
      .requiredOption('--config <file or folder>', 'the configuration')
      .option('--json', 'print for programs')
      .action(async (name: string, { config: where, json }: Options) => {
        const config = await configOf(where);
        if (!config) return;
        if (!config.identities.some((identity) => identity.name === name)) {
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
          process.stdout.write(json ? `${JSON.stringify({ ok: true, identity: name, done: verb })}\n` : `${name} ${verb}d: ${verb === 'revoke' ? 'its sessions end within 2 seconds' : 'it may log in again within a second'}\n`);
        } finally {
          state.close();
        }
      });
  };
  change('revoke', 'end an identity at once, whatever the configuration says');
  change('restore', 'take a revocation back');
}
