import type { Command } from 'commander';
import { load } from '../config/load.ts';
import { isHttp, isPostgres } from '../config/protocols.ts';
import type { Config, HttpConnectionConfig, PostgresConnectionConfig } from '../config/resolved.ts';
import { formatHostPort } from '../config/units.ts';
import { authorityFiles, interceptionFiles, readAuthority, type AuthorityInfo } from '../listeners/certificates-authority.ts';
import { describeInterception, interceptionAbsence, interceptionPage, type Recipe } from './ca-interception.ts';

interface Options {
  readonly config: string;
  readonly interception?: boolean;
  readonly json?: boolean;
}

/** `wicketgate ca`: prints the CA that clients should trust, and how. Exit code 0 printed, 1 there is none, 2 wrong use. */
export function registerCa(program: Command): void {
  program
    .command('ca')
    .description('print the CA that clients should trust, and how, per client')
    .requiredOption('--config <file or folder>', 'the configuration')
    .option('--interception', 'the CA of the forward proxy (http.proxy), which its clients trust for the targets')
    .option('--json', 'print for programs')
    .action(async ({ config: where, interception, json }: Options) => {
      const loaded = await load(where, process.env, { checkSecrets: false });
      if (!loaded.ok) {
        process.stderr.write(`${where} cannot be read as a configuration: wicketgate check --config ${where} says why\n`);
        process.exitCode = 2;
        return;
      }
      const { config } = loaded;
      if (interception) {
        const files = interceptionFiles(config.gateway);
        const found = await readAuthority(files);
        if (found === undefined) {
          process.stderr.write(`${interceptionAbsence(config, files.certificate)}\n`);
          process.exitCode = 1;
          return;
        }
        process.stdout.write(json ? `${JSON.stringify(describeInterception(config, found), null, 2)}\n` : interceptionPage(config, found));
        return;
      }
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

const recipes = (config: Config, path: string): readonly Recipe[] => {
  const [postgres] = config.connections.filter(isPostgres);
  // Whom the forward proxy alone leads to is asked by its own CA as well: `--interception` has the recipes.
  const [http] = config.connections.filter(isHttp).filter((connection) => !connection.plaintext && (!connection.http.proxy || connection.http.hosts.length > 0));
  return [...(postgres ? forPostgres(config, postgres, path) : []), ...(http ? forHttp(config, http, path) : [])];
};

const forHttp = (config: Config, { listen, http: { hosts, prefix, apis } }: HttpConnectionConfig, path: string): readonly Recipe[] => {
  const host = hosts[0]?.replace(/^\*\./, 'NAME.') ?? config.gateway.names[0] ?? 'localhost';
  const base = `https://${formatHostPort({ host, port: listen.port })}${prefix}`;
  return [
    { client: 'curl', how: `curl --cacert ${path} -H "Authorization: Bearer $TOKEN" ${base}/` },
    { client: 'Python requests', how: `REQUESTS_CA_BUNDLE=${path} python3 job.py` },
    { client: 'Node (fetch, http, https)', how: `NODE_EXTRA_CA_CERTS=${path} node job.js` },
    { client: 'Go, Python urllib, httpx (SSL_CERT_FILE takes the place of the system\'s roots)', how: `SSL_CERT_FILE=${path} ./job` },
    // Its links have no path of their own (docs/reference/http-clients.md).
    ...(apis.includes('gcs') && prefix === '' ? [{ client: 'gcloud', how: `CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=${path} CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=${base}/storage/v1/ gcloud storage ls` }] : []),
    ...(apis.includes('s3') ? [{ client: 'aws', how: `AWS_CA_BUNDLE=${path} AWS_ENDPOINT_URL=${base} aws s3 ls` }] : []),
  ];
};

const forPostgres = (config: Config, { name: database, listen: { port } }: PostgresConnectionConfig, path: string): readonly Recipe[] => {
  const host = config.gateway.names[0] ?? 'localhost';
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
${[...(config.connections.some(isPostgres) ? ['sslmode=prefer and sslmode=require'] : []), ...(config.connections.some(isHttp) ? ['curl -k, verify=False and their like'] : [])].join(', ')} verify nothing: whoever is on the way can take the gateway's place and get the token.
${config.connections.filter(isHttp).some(({ http }) => http.proxy) ? 'Clients of the forward proxy need a second CA: wicketgate ca --interception\n' : ''}`;
};
