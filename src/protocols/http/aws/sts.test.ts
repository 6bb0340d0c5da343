import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isStsRefusal, keyAnswer, MAX_STS_REQUEST, readKeyRequest, refusalAnswer, type KeyRequest } from './sts.ts';

const RIGHT = {
  Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: 'arn:aws:iam::123456789012:role/path/ci-job', RoleSessionName: 'botocore-session-1700000000', WebIdentityToken: 'eyJh.canary.sig', DurationSeconds: '900',
};
const form = (over: Readonly<Record<string, string | undefined>> = {}): string =>
  new URLSearchParams(Object.entries({ ...RIGHT, ...over }).filter((pair): pair is [string, string] => pair[1] !== undefined)).toString();

test('a request is read', () => {
  assert.deepEqual(readKeyRequest(form()), { token: 'eyJh.canary.sig', roleArn: RIGHT.RoleArn, sessionName: RIGHT.RoleSessionName, lifetime: 900_000 });
  assert.equal((readKeyRequest(form({ DurationSeconds: undefined })) as KeyRequest).lifetime, 3_600_000);
});

test('anything else is refused in the words of the service, without quoting it', () => {
  const table: readonly [string, string][] = [
    ['', 'InvalidAction'],
    [form({ Action: 'AssumeRole' }), 'InvalidAction'],
    [form({ Action: 'GetCallerIdentity' }), 'InvalidAction'],
    [form({ Version: '2010-01-01' }), 'ValidationError'],
    [`${form()}&WebIdentityToken=canary`, 'ValidationError'],
    [`${form()}&Action=AssumeRoleWithWebIdentity`, 'ValidationError'],
    [form({ Policy: '{}' }), 'ValidationError'],
    [form({ 'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnly' }), 'ValidationError'],
    [form({ ProviderId: 'www.amazon.com' }), 'ValidationError'],
    [form({ canary: '1' }), 'ValidationError'],
    [form({ WebIdentityToken: undefined }), 'InvalidIdentityToken'],
    [form({ WebIdentityToken: 'canary canary' }), 'InvalidIdentityToken'],
    [form({ WebIdentityToken: 'canary'.repeat(3000) }), 'InvalidIdentityToken'],
    [form({ RoleArn: 'canary' }), 'ValidationError'],
    [form({ RoleSessionName: 'canary canary' }), 'ValidationError'],
    [form({ RoleSessionName: 'c' }), 'ValidationError'],
    [form({ DurationSeconds: '899' }), 'ValidationError'],
    [form({ DurationSeconds: '43201' }), 'ValidationError'],
    [form({ DurationSeconds: '1e3' }), 'ValidationError'],
    ['canary'.repeat(MAX_STS_REQUEST), 'ValidationError'],
  ];
  for (const [text, code] of table) {
    const read = readKeyRequest(text);
    assert.ok(isStsRefusal(read), text.slice(0, 200));
    assert.equal(read.code, code);
    assert.ok(!read.message.includes('canary'));
    assert.ok(refusalAnswer(read).includes(`<Code>${code}</Code>`));
  }
});

test('any text is read or refused', () => {
  fc.assert(fc.property(fc.string(), (text) => { readKeyRequest(text); readKeyRequest(`${form()}&${text}`); }));
});

const key = { accessKeyId: 'WGTKAAAA', secretKey: 'a+/b', sessionToken: 'token', expiresAt: Date.UTC(2026, 0, 2, 3, 4, 5, 999) };

test('the answer has what clients read, rounded to the sure side', () => {
  const answer = keyAnswer(readKeyRequest(form()) as KeyRequest, key, 'repo:acme/billing');
  for (const part of ['<AccessKeyId>WGTKAAAA</AccessKeyId>', '<SecretAccessKey>a+/b</SecretAccessKey>', '<SessionToken>token</SessionToken>', '<Expiration>2026-01-02T03:04:05Z</Expiration>', '<Arn>arn:aws:sts::123456789012:assumed-role/ci-job/botocore-session-1700000000</Arn>']) assert.ok(answer.includes(part), part);
});

test('what a token says of its subject cannot become markup', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (subject) => {
    const answer = keyAnswer(readKeyRequest(form()) as KeyRequest, key, subject);
    const [, inside = '<'] = /<SubjectFromWebIdentityToken>([\s\S]*)<\/SubjectFromWebIdentityToken>/.exec(answer) ?? [];
    assert.doesNotMatch(inside, /[<>"\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&(?!amp;|lt;|gt;|quot;|#13;)/);
  }));
});
