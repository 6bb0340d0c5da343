import { hash } from 'node:crypto';
import type { HttpConnectionConfig } from '../../config/resolved.ts';
import type { Bound } from '../../model/approval.ts';
import type { RequestFacts } from '../../model/request.ts';
import type { BodyMasks } from '../../masking/bodies/masks.ts';
import { isAwsChunked, unchunked } from './aws/unchunked.ts';
import type { RequestHead } from './head.ts';
import { shownToPeople } from './shown.ts';

/** Header fields that differ each time the same request is sent, and change nothing of what it does. */
const PASSING = /^(?:host|content-length|user-agent|date|accept-encoding|accept-language|priority|traceparent|tracestate|baggage|b3|x-b3-.*|x-request-id|x-correlation-id|request-id|x-cloud-trace-context|x-amzn-trace-id|x-amz-date|amz-sdk-.*|x-goog-api-client|x-goog-gcs-idempotency-token|x-ms-client-request-id|x-ms-date|x-client-data|expect|sec-websocket-key|grpc-timeout)$/;

/**
 * What an approval of a request is given for: method, address, header fields (but for those that differ at each try and change nothing), the target and the
 * credential as they are configured (of secrets where they come from), and the body where all of it is here. Another request is another command. `masks` are for
 * what people see of it.
 */
export const boundOf = (head: RequestHead, facts: RequestFacts, rawQuery: string, { target, http, credential }: HttpConnectionConfig, whole: Buffer | undefined, masks: BodyMasks): Bound => {
  // With keys of the gateway it belongs to the client's signature, and each run of a client has new ones.
  const passing = (name: string): boolean => PASSING.test(name) || (credential.type === 'aws' && name === 'x-amz-security-token');
  const fields = [...facts.headers].filter(([name]) => !passing(name)).map(([name, values]): [string, readonly string[]] => [name, values]).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const none = head.body.kind === 'none';
  // Where the gateway writes the chunks of AWS anew, their data is what the target gets; the signatures in them differ at each try.
  const body = whole && isAwsChunked(facts.headers, { credential }) ? (unchunked(whole, facts.headers) ?? whole) : whole;
  const shown = shownToPeople(fields, facts, body, masks);
  return {
    context: { target: `${target.host}:${target.port}`, tls: target.tls, credential: JSON.stringify(credential), host: http.host ?? null, basePath: http.basePath, fields },
    parts: [Buffer.from(head.method), Buffer.from(facts.host), Buffer.from(`${facts.path}?${rawQuery}`)],
    ...(shown === '' ? {} : { shown }),
    ...(none ? {} : body ? { data: { bytes: body.length, sha256: hash('sha256', body) } } : { notCovered: 'the body of the request, which is not read before it is sent on' }),
  };
};
