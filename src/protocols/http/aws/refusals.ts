import { randomUUID } from 'node:crypto';
import type { Refusal, RefusalCode } from '../../../model/decision.ts';
import type { RequestHead } from '../head.ts';
import { element } from './xml.ts';

/** A refusal in AWS's words: clients of AWS read no others, and retry, or ask for new keys, by its code. */
export interface AwsRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** How a service words its errors. `xml`: S3 and the Query protocol; `json`: the AWS JSON protocols. */
export type AwsDialect = 'xml' | 'json';

export const dialectOf = ({ values }: RequestHead): AwsDialect => (/^application\/(?:x-amz-json-|json)/i.test(values.get('content-type')?.[0] ?? '') ? 'json' : 'xml');

const CODES: Partial<Record<RefusalCode, string>> = { unauthenticated: 'ExpiredToken', limit: 'SlowDown', protocol: 'InvalidRequest', not_found: 'InvalidRequest', unknown_connection: 'InvalidRequest' };

/** Under which code of AWS a refusal of the gateway goes. */
export const codeOf = ({ code }: Refusal, status: number): string => CODES[code] ?? (status >= 500 ? 'ServiceUnavailable' : 'AccessDenied');

/** The body of a refusal, with the header fields that say what it is. */
export const awsProblem = (dialect: AwsDialect, { code, message }: Pick<AwsRefusal, 'code' | 'message'>, requestId: string = randomUUID()): { readonly fields: [string, string][]; readonly body: Buffer } =>
  dialect === 'json'
    ? { fields: [['Content-Type', 'application/x-amz-json-1.1'], ['X-Amzn-ErrorType', code], ['X-Amzn-RequestId', requestId]], body: Buffer.from(JSON.stringify({ __type: code, message })) }
    : {
        fields: [['Content-Type', 'application/xml'], ['X-Amz-Request-Id', requestId]],
        // S3 has it at the top, the Query protocol below ErrorResponse; clients of either find the code in the first.
        body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${element('Code', code)}${element('Message', message)}${element('RequestId', requestId)}</Error>`),
      };
