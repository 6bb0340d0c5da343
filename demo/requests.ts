import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { command } from './print.ts';

/** Where a job sends requests, and what it shows there. */
export interface RequestEnvironment {
  readonly port: number;
  readonly caFile: string;
  /** The job's own OIDC token: all it has. */
  readonly token: string;
}

export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** One request, as a job would send it with any program. Its answer may be long in coming: it waits for people. */
export const ask = ({ port, caFile, token }: RequestEnvironment, method: string, path: string, signal?: AbortSignal): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const options = { host: 'localhost', port, method, path, ca: readFileSync(caFile), agent: false, headers: { Authorization: `Bearer ${token}`, 'Content-Length': 0 }, ...(signal ? { signal } : {}) } as const;
    const request = https.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('error', reject).end();
  });

/** The same, told as it would be typed. */
export const told = (environment: RequestEnvironment, method: string, path: string): Promise<Answered> => {
  command(`curl --cacert ca.pem -H "Authorization: Bearer $TOKEN"${method === 'GET' ? '' : ` -X ${method}`} https://localhost:${environment.port}${path}`);
  return ask(environment, method, path);
};
