import type { HttpConfig, HttpConnectionConfig } from '../../../config/resolved.ts';

/** A connection as configured, with what a test is about. */
export const connectionOf = ({ http, ...more }: Partial<Omit<HttpConnectionConfig, 'http'>> & { readonly http?: Partial<HttpConfig> } = {}): HttpConnectionConfig => ({
  name: 'api',
  protocol: 'http',
  listen: { host: '127.0.0.1', port: 8443 },
  plaintext: false,
  evidence: { mode: 'effect', recordAnswers: 0 },
  origin: { file: 'w.yaml', line: 1 },
  target: { host: '127.0.0.1', port: 80, tls: 'disable' },
  credential: { type: 'none' },
  ...more,
  http: { hosts: [], prefix: '', basePath: '', apis: ['rest'], sessionIdle: 300_000, wholeBody: 1024 * 1024, answerWithin: 60_000, ...http } as HttpConfig,
});
