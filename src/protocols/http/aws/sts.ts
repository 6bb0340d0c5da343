import { randomUUID } from 'node:crypto';
import { formParameters } from '../form.ts';
import type { NewKey } from './issued-keys.ts';
import { element } from './xml.ts';

/*
 * The one operation of AWS's Security Token Service that the gateway answers itself: clients of AWS ask it to exchange their OIDC token for
 * temporary keys (AssumeRoleWithWebIdentity, Query protocol, version 2011-06-15), with AWS_ENDPOINT_URL_STS pointing here.
 */

/** Largest request, in bytes: a token of 16 KiB and the rest. */
export const MAX_STS_REQUEST = 32 * 1024;
/** What the real service allows, in seconds. */
const LIFETIME = { least: 900, most: 43_200, usual: 3_600 } as const;
const KNOWN = new Set(['Action', 'Version', 'RoleArn', 'RoleSessionName', 'WebIdentityToken', 'DurationSeconds']);
/** They would make the keys weaker than the token. The gateway has no such thing, and must not let a client believe in it. */
const RESTRICTIONS = /^(?:Policy$|PolicyArns\.)/;

export interface KeyRequest {
  readonly token: string;
  readonly roleArn: string;
  readonly sessionName: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

/** As the real service words it, so that clients understand. `message` holds nothing that came. */
export interface StsRefusal {
  readonly status: 400 | 403 | 503;
  readonly code: 'InvalidAction' | 'ValidationError' | 'InvalidIdentityToken' | 'ExpiredTokenException' | 'AccessDenied' | 'ServiceUnavailable';
  readonly message: string;
}

/**
 * Reads a request: the form of a POST, or the query of a GET. The token is not looked at here.
 *
 * @param form at most MAX_STS_REQUEST long
 */
export const readKeyRequest = (form: string): KeyRequest | StsRefusal => {
  if (form.length > MAX_STS_REQUEST) return invalid('the request is too large');
  const given = formParameters(form);
  if (given === undefined) return invalid('a parameter stands there twice');
  if (given.get('Action') !== 'AssumeRoleWithWebIdentity') return { status: 400, code: 'InvalidAction', message: 'this endpoint answers AssumeRoleWithWebIdentity only' };
  if (given.get('Version') !== '2011-06-15') return invalid('Version must be 2011-06-15');
  for (const name of given.keys()) {
    if (RESTRICTIONS.test(name)) return invalid('session policies are not supported: what the identity may do stands in the gateway\'s policies');
    if (!KNOWN.has(name)) return invalid('a parameter is not known');
  }
  const [token = '', roleArn = '', sessionName = '', duration] = ['WebIdentityToken', 'RoleArn', 'RoleSessionName', 'DurationSeconds'].map((name) => given.get(name));
  if (!/^[\x21-\x7e]{4,16384}$/.test(token)) return { status: 400, code: 'InvalidIdentityToken', message: 'WebIdentityToken is not a token' };
  if (!/^arn:[\w-]{1,32}:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.test(roleArn)) return invalid('RoleArn is not the ARN of a role');
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) return invalid('RoleSessionName must be 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -');
  const seconds = duration === undefined ? LIFETIME.usual : Number(duration);
  if (duration !== undefined && (!/^\d{1,5}$/.test(duration) || seconds < LIFETIME.least || seconds > LIFETIME.most)) return invalid(`DurationSeconds must be ${LIFETIME.least} to ${LIFETIME.most}`);
  return { token, roleArn, sessionName, lifetime: seconds * 1000 };
};

const invalid = (message: string): StsRefusal => ({ status: 400, code: 'ValidationError', message });

export const isStsRefusal = (read: KeyRequest | StsRefusal): read is StsRefusal => 'code' in read;

/** The answer's body. Its media type is `text/xml`. */
export const keyAnswer = ({ roleArn, sessionName }: KeyRequest, key: NewKey, subject: string): string => {
  // As the real service names what was assumed.
  const assumed = `${roleArn.replace(/:iam::/, ':sts::').replace(/:role\/(?:.*\/)?/, ':assumed-role/')}/${sessionName}`;
  return (
    '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>' +
    element('SubjectFromWebIdentityToken', subject) +
    `<AssumedRoleUser>${element('Arn', assumed)}${element('AssumedRoleId', `${key.accessKeyId}:${sessionName}`)}</AssumedRoleUser>` +
    '<Credentials>' +
    element('AccessKeyId', key.accessKeyId) +
    element('SecretAccessKey', key.secretKey) +
    element('SessionToken', key.sessionToken) +
    // Whole seconds, rounded down: a client must not take the key for good longer than it is.
    element('Expiration', new Date(Math.floor(key.expiresAt / 1000) * 1000).toISOString().replace('.000', '')) +
    `</Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata>${element('RequestId', randomUUID())}</ResponseMetadata></AssumeRoleWithWebIdentityResponse>`
  );
};

/** The body of a refusal. */
export const refusalAnswer = ({ status, code, message }: StsRefusal): string =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>${element('Type', status === 503 ? 'Receiver' : 'Sender')}${element('Code', code)}${element('Message', message)}</Error>${element('RequestId', randomUUID())}</ErrorResponse>`;
