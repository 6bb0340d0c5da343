import type { Command } from 'commander';
import { load } from '../config/load.ts';
import type { Config } from '../config/resolved.ts';
import { authorityFiles, readAuthority, type AuthorityInfo } from '../listeners/certificates-authority.ts';

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

/** `wicketgate ca`: prints the CA that clients should trust, and how. Exit code 0 printed, 1 there is none, 2 wrong use. */
export function registerCa(program: Command): void {
  program
    .command('ca')
    .description('print the CA that clients should trust, and how, per client')
    .requiredOption('--config <file or folder>', 'the configuration')
    .option('--json', 'print for programs')
    .action(async ({ config: where, json }: Options) => {
      const loaded = await load(where, process.env, { checkSecrets: false });
      if (!loaded.ok) {
        process.stderr.write(`${where} cannot be read as a configuration: wicketgate check --config ${where} says why\n`);
        process.exitCode = 2;
        return;
      }
      const { config } = loaded;
      const authority = config.gateway.tls === 'auto' ? await readAuthority(authorityFiles(config.gateway)) : undefined;
      if (authority === undefined) {
        process.stderr.write(`${absence(config)}\n`);
        process.exitCode = 1;
        return;
      }
      process.stdout.write(json ? `${JSON.stringify(describe(config, authority), null, 2)}\n` : page(config, authority));
    });
}

const absence = (config: Config): string =>
  config.gateway.tls === 'auto'
    ? `there is no CA yet: it is made in ${authorityFiles(config.gateway).certificate} when the gateway first starts`
    : `gateway.tls names a certificate of yours (${config.gateway.tls.cert}): clients trust the CA that signed it`;

/** How one kind of client is told to trust the CA and to verify the gateway's name. */
interface Recipe {
  readonly client: string;
  readonly how: string;
}

const recipes = (config: Config, path: string): readonly Recipe[] => {
  const host = config.gateway.names[0] ?? 'localhost';
  const connection = config.connections[0];
  const port = connection?.listen.port ?? 5432;
  const database = connection?.name ?? 'DATABASE';
  return [
    { client: 'psql, pg_dump, psycopg, anything on libpq', how: `PGSSLMODE=verify-full PGSSLROOTCERT=${path} psql -h ${host} -p ${port} -d ${database}` },
    { client: 'JDBC (pgjdbc)', how: `jdbc:postgresql://${host}:${port}/${database}?sslmode=verify-full&sslrootcert=${path}` },
    { client: 'node-postgres', how: `new Client({ host: '${host}', port: ${port}, database: '${database}', ssl: { ca: readFileSync('${path}', 'utf8') } })` },
    { client: 'psycopg (Python), in code', how: `psycopg.connect("host=${host} port=${port} dbname=${database} sslmode=verify-full sslrootcert=${path}")` },
    { client: '.NET (Npgsql)', how: `Host=${host};Port=${port};Database=${database};SSL Mode=VerifyFull;Root Certificate=${path}` },
  ];
};

const describe = (config: Config, authority: AuthorityInfo) => ({
  path: authority.path,
  pem: authority.pem,
  sha256: authority.fingerprint,
  expires: new Date(authority.expiresAt).toISOString(),
  names: config.gateway.names,
  clients: recipes(config, authority.path),
});

const page = (config: Config, authority: AuthorityInfo): string => {
  const { path, pem, sha256, expires, names, clients } = describe(config, authority);
  return `${path}
SHA-256 ${sha256}
expires ${expires}
for     ${names.join(', ')}

${pem}
Copy this file to each client. It is not secret, but it must arrive unchanged: compare the SHA-256.
Every client must verify it, and the gateway's name, before it sends its token:

${clients.map(({ client, how }) => `  ${client}\n    ${how}\n`).join('\n')}
sslmode=prefer and sslmode=require verify nothing: whoever is on the way can take the gateway's place and get the token.
`;
};
