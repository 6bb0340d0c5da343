import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** Only the gateway has it. */
export const API_TOKEN = 'demo-payments-api-token';

/** A small internal API of the demo. */
export interface PaymentsApi {
  readonly port: number;
  /** `Authorization` of the last request, as it arrived here. */
  readonly authorization: string | undefined;
  /** Payments that were refunded. */
  readonly refunded: ReadonlySet<number>;
  /** How many payments there are. */
  readonly payments: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Payments 1 to 20: GET, DELETE and POST .../refund of /v1/payments/N, for who has the token. */
export const startPaymentsApi = async (): Promise<PaymentsApi> => {
  const payments = new Set(Array.from({ length: 20 }, (_, n) => n + 1));
  const refunded = new Set<number>();
  let authorization: string | undefined;
  const answer = (response: http.ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  const server = http.createServer((request, response) => {
    authorization = request.headers.authorization;
    request.resume();
    request.once('end', () => {
      const [, id = '', action] = /^\/v1\/payments\/(\d+)(\/refund)?$/.exec(request.url ?? '') ?? [];
      const payment = Number(id);
      if (authorization !== `Bearer ${API_TOKEN}`) answer(response, 401, { error: 'no token' });
      else if (!payments.has(payment)) answer(response, 404, { error: 'no such payment' });
      else if (request.method === 'POST' && action !== undefined) {
        refunded.add(payment);
        answer(response, 200, { payment, state: 'refunded' });
      } else if (request.method === 'DELETE' && action === undefined) {
        payments.delete(payment);
        answer(response, 200, { payment, state: 'deleted' });
      } else if (request.method === 'GET' && action === undefined) answer(response, 200, { payment, customer: `Customer ${payment}`, iban: `DE${payment + 10}5001051754073249${payment + 10}`, cents: 100 * payment, state: refunded.has(payment) ? 'refunded' : 'paid' });
      else answer(response, 405, { error: 'not offered' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    get authorization() { return authorization; },
    refunded,
    get payments() { return payments.size; },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
