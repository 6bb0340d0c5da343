import { isLoopback } from '../config/addresses.ts';
import { interceptedHosts, namesForConnect } from '../config/http-proxy.ts';
import { isHttp } from '../config/protocols.ts';
import type { Config, HttpConnectionConfig } from '../config/resolved.ts';
import { formatHostPort } from '../config/units.ts';
import { authorityFiles, type AuthorityInfo } from '../listeners/certificates-authority.ts';

/** How one kind of client is told whom to trust. */
export interface Recipe {
  readonly client: string;
  readonly how: string;
}

const proxied = (config: Config): readonly HttpConnectionConfig[] => config.connections.filter(isHttp).filter(({ http }) => http.proxy);

/** Why there is no interception CA to print. */
export const interceptionAbsence = (config: Config, path: string): string =>
  proxied(config).length === 0 ? 'no connection has http: { proxy: true }: there is no forward proxy, and so no interception CA' : `there is no interception CA yet: it is made in ${path} when the gateway first starts`;

/** What `wicketgate ca --interception` says, as data. */
export const describeInterception = (config: Config, { path, pem, fingerprint, expiresAt }: AuthorityInfo) => ({
  path,
  pem,
  sha256: fingerprint,
  expires: new Date(expiresAt).toISOString(),
  hosts: interceptedHosts(proxied(config)),
  proxies: proxiesOf(config),
  clients: recipes(config, path),
});

/** Address of each forward proxy, as clients write it. */
const proxiesOf = (config: Config): readonly string[] => [
  ...new Set(
    proxied(config).map(({ listen, plaintext }) => {
      // One that speaks TLS is verified by a name of the gateway's certificate.
      const host = plaintext && isLoopback(listen.host) ? listen.host : (config.gateway.names[0] ?? 'localhost');
      return `${plaintext ? 'http' : 'https'}://${formatHostPort({ host, port: listen.port })}`;
    }),
  ),
];

const recipes = (config: Config, path: string): readonly Recipe[] => {
  const [proxy = 'https://localhost:8443'] = proxiesOf(config);
  const tokened = proxy.replace('://', '://job:$TOKEN@');
  const own = config.gateway.tls === 'auto' ? authorityFiles(config.gateway).certificate : undefined;
  const [connection] = proxied(config);
  const names = connection ? namesForConnect(connection) : [];
  const name = names.find(({ ports }) => ports.includes(443)) ?? names[0];
  const host = name?.host.replace(/^\*\./, 'NAME.') ?? 'api.example';
  const port = name === undefined || name.ports.includes(443) ? '' : `:${name.ports[0]}`;
  // Some clients speak to proxies without TLS only: these need one at a loopback address, beside them.
  const plain = proxiesOf(config).find((one) => one.startsWith('http:')) ?? proxy;
  const { port: proxyPort, hostname } = new URL(plain);
  const plainTokened = plain.replace('://', '://job:$TOKEN@');
  return [
    { client: 'curl', how: `curl -x "${tokened}"${proxy.startsWith('https:') && own !== undefined ? ` --proxy-cacert ${own}` : ''} --cacert ${path} https://${host}${port}/` },
    { client: 'Node (fetch, http, https), 24 and later', how: `NODE_USE_ENV_PROXY=1 HTTPS_PROXY="${tokened}" NODE_EXTRA_CA_CERTS=bundle.pem node job.js` },
    { client: 'Python requests', how: `HTTPS_PROXY="${tokened}" REQUESTS_CA_BUNDLE=bundle.pem python3 job.py` },
    { client: 'Python urllib (http:// proxies only), httpx', how: `HTTPS_PROXY="${plainTokened}" SSL_CERT_FILE=bundle.pem python3 job.py` },
    { client: 'Go (SSL_CERT_FILE takes the place of the system\'s roots)', how: `HTTPS_PROXY="${tokened}" SSL_CERT_FILE=bundle.pem ./job` },
    {
      client: 'Java (http:// proxies only; user and password by an Authenticator in code)',
      how: `keytool -importcert -noprompt -alias wicketgate -file ${path} -keystore trust.p12 -storepass changeit && java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit -Dhttps.proxyHost=${hostname} -Dhttps.proxyPort=${proxyPort} -Djdk.http.auth.tunneling.disabledSchemes= Job`,
    },
    { client: 'gcloud (warns of https:// proxies)', how: `HTTPS_PROXY="${plainTokened}" CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=bundle.pem gcloud storage ls` },
    { client: 'aws (with an https:// proxy: proxy_ca_bundle in ~/.aws/config as well)', how: `HTTPS_PROXY="${plainTokened}" AWS_CA_BUNDLE=bundle.pem aws s3 ls` },
    { client: 'az', how: `HTTPS_PROXY="${tokened}" REQUESTS_CA_BUNDLE=bundle.pem az group list` },
  ];
};

/** The same for people. */
export const interceptionPage = (config: Config, authority: AuthorityInfo): string => {
  const { path, pem, sha256, expires, hosts, proxies, clients } = describeInterception(config, authority);
  const own = config.gateway.tls === 'auto' ? authorityFiles(config.gateway).certificate : 'the CA of your gateway certificate';
  return `${path}
SHA-256 ${sha256}
expires ${expires}
for     ${hosts.join(', ')}
proxies ${proxies.join(', ')}

${pem}
Clients of the forward proxy have to trust this CA for the hosts above, in the place of the targets' own certificates. It can vouch for these hosts and what is
below them, and for nothing else. Copy the file to each client, and compare the SHA-256.

Where one variable holds all that a client trusts, put the CAs into one file, with the system's roots if the client goes elsewhere too:
  cat ${own} ${path} > bundle.pem

${clients.map(({ client, how }) => `  ${client}\n    ${how}\n`).join('\n')}
A client that does not trust it ends TLS with the alert unknown_ca or bad_certificate (or says "self-signed certificate in certificate chain"), and the gateway's
log says so. Never turn verification off instead: whoever is on the way could then take the gateway's place and get the token.
`;
};
