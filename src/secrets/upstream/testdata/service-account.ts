import { generateKeyPairSync, randomBytes } from 'node:crypto';

/** A service account with a key made for the test. */
export interface ServiceAccount {
  readonly email: string;
  readonly keyId: string;
  readonly publicPem: string;
  readonly privatePem: string;
  /** The key file as Google gives it; `over` replaces members, undefined leaves one out. */
  json(over?: Readonly<Record<string, string | undefined>>): string;
}

export const makeServiceAccount = (kind: 'rsa' | 'ec' = 'rsa'): ServiceAccount => {
  const pem = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } } as const;
  const { publicKey, privateKey } = kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048, ...pem }) : generateKeyPairSync('ec', { namedCurve: 'P-256', ...pem });
  const keyId = randomBytes(20).toString('hex');
  const email = 'exporter@acme-billing.iam.gserviceaccount.com';
  return {
    email,
    keyId,
    publicPem: publicKey,
    privatePem: privateKey,
    json: (over = {}) =>
      JSON.stringify({
        type: 'service_account',
        project_id: 'acme-billing',
        private_key_id: keyId,
        private_key: privateKey,
        client_email: email,
        client_id: '104929999999999999999',
        auth_uri: 'https://accounts.google.com/o/oauth2/auth',
        token_uri: 'https://oauth2.googleapis.com/token',
        universe_domain: 'googleapis.com',
        ...over,
      }),
  };
};
