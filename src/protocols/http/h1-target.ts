import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Permit } from '../../pipeline/permits.ts';
import { errorCode } from '../../wire/errors.ts';
import { FORBIDDEN, type TargetPool } from './dial.ts';
import { TargetFault, type TargetAnswer, type TargetStream } from './exchange.ts';
import { MOST_FIELDS, type Fields } from './head.ts';
import { badSwitch, type Upgrade } from './websocket.ts';

/** Time to reach a target, TLS included. */
const CONNECT_MS = 10_000;
/** Largest head of an answer. */
const HEAD_BYTES = 64 * 1024;

export interface OutgoingRequest {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly fields: Fields;
  /** Nothing follows the head. */
  readonly bodiless: boolean;
  /** It asks for a WebSocket. */
  readonly upgrade?: Upgrade | undefined;
}

/** Sends the head of a request, on a connection of the session's own. */
export const openTarget = (pool: TargetPool, permit: Permit, outgoing: OutgoingRequest): TargetStream => {
  permit.spend();
  return new Http1Target(pool, outgoing);
};

/** The target's side of an exchange in HTTP/1.1, over Node's client. */
class Http1Target implements TargetStream {
  readonly answer: Promise<TargetAnswer>;
  readonly #request: http.ClientRequest;
  #cut = false;
  #connected = false;
  /** What is left of the connection once it is a WebSocket. */
  #switched: Duplex | undefined;

  constructor(pool: TargetPool, { method, path, fields, bodiless, upgrade }: OutgoingRequest) {
    const options: https.RequestOptions = { ...pool.options, agent: pool.agent, method, path, headers: fields.flatMap(([name, value]) => [name, value]), setHost: false, insecureHTTPParser: false, maxHeaderSize: HEAD_BYTES };
    const request = (pool.scheme === 'https' ? https : http).request(options);
    this.#request = request;
    // Whatever comes beyond would be dropped without a word; it is counted instead.
    request.maxHeadersCount = 0;
    this.answer = new Promise((resolve, reject) => {
      let connecting: NodeJS.Timeout | undefined;
      const connected = (): void => {
        this.#connected = true;
        clearTimeout(connecting);
      };
      request.once('socket', (socket) => {
        if (!socket.connecting) {
          connected();
          return;
        }
        connecting = setTimeout(() => request.destroy(new TargetFault('late', 'the target could not be reached in time')), CONNECT_MS);
        socket.once(pool.scheme === 'https' ? 'secureConnect' : 'connect', connected);
      });
      let answered = false;
      request.once('response', (response) => {
        const counted = response.rawHeaders.length / 2;
        if (counted > MOST_FIELDS) {
          request.destroy(new TargetFault('broken', `the target answered with more than ${MOST_FIELDS} header fields`));
          return;
        }
        response.pause();
        // It may be cut off before anybody reads it; who does looks at that.
        response.on('error', () => {});
        const answer = answerOf(response);
        if (answer instanceof TargetFault) request.destroy(answer);
        else {
          answered = true;
          resolve(answer);
        }
      });
      request.once('upgrade', (response, socket, early) => {
        socket.on('error', () => {});
        const bad = upgrade ? badSwitch(upgrade, (name) => response.headersDistinct[name] ?? []) : 'the target changed the protocol without being asked';
        if (bad !== undefined || this.#cut) {
          socket.destroy();
          reject(new TargetFault('broken', bad ?? 'given up'));
          return;
        }
        socket.pause();
        if (early.length > 0) socket.unshift(early);
        this.#switched = socket;
        resolve({ status: 101, fields: fieldsOf(response), body: socket, length: undefined });
      });
      request.on('error', (error) => {
        clearTimeout(connecting);
        reject(error instanceof TargetFault ? error : this.#fault(error));
      });
      request.once('close', () => {
        clearTimeout(connecting);
        // An error costs its stack, and each request closes.
        if (!answered) reject(new TargetFault('broken', 'the target closed the connection without an answer'));
      });
    });
    this.answer.catch(() => {});
    if (bodiless) request.end();
    else request.flushHeaders();
  }

  get reached(): boolean {
    return this.#connected;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#switched) return this.#switched.destroyed ? true : this.#switched.write(chunk);
    return this.#cut || this.#request.destroyed ? true : this.#request.write(chunk);
  }

  drained(then: () => void): void {
    (this.#switched ?? this.#request).once('drain', then);
  }

  end(): void {
    if (this.#switched) this.#switched.end();
    else if (!this.#cut && !this.#request.destroyed) this.#request.end();
  }

  cut(): void {
    this.#cut = true;
    this.#switched?.destroy();
    this.#request.destroy();
  }

  #fault(error: Error): TargetFault {
    const code = errorCode(error);
    if (code === FORBIDDEN) return new TargetFault('unreachable', 'the name of the target leads to an address that no target may have', code);
    if (!this.#connected) return new TargetFault('unreachable', 'the target cannot be reached', code);
    if (code?.startsWith('HPE_') === true) return new TargetFault('broken', 'the target answered with what is not HTTP', code);
    return new TargetFault('broken', 'the target closed the connection without an answer', code, this.#request.reusedSocket);
  }
}

const fieldsOf = ({ rawHeaders }: http.IncomingMessage): [string, string][] => {
  const fields: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) fields.push([rawHeaders[index] as string, rawHeaders[index + 1] as string]);
  return fields;
};

const answerOf = (response: http.IncomingMessage): TargetAnswer | TargetFault => {
  const { statusCode: status = 0 } = response;
  // The parser takes any three digits, and whoever writes an answer does not.
  if (status < 200 || status > 999) return new TargetFault('broken', 'the target answered with a status that is none');
  const fields = fieldsOf(response);
  const lengths = fields.filter(([name]) => name.toLowerCase() === 'content-length');
  const codings = fields.filter(([name]) => name.toLowerCase() === 'transfer-encoding');
  if (codings.length > 1 || (codings[0] && codings[0][1].toLowerCase() !== 'chunked')) return new TargetFault('broken', 'the target answered with a transfer coding other than chunked');
  const length = lengths[0]?.[1];
  if (length !== undefined && codings.length === 0 && !/^[0-9]{1,15}$/.test(length)) return new TargetFault('broken', 'the target answered with a length that is none');
  return { status, fields, body: response, length: length === undefined || codings.length > 0 ? undefined : Number(length) };
};
