import fc from 'fast-check';
import type { ConfigurationSource } from '../schema.ts';
import { detectors } from '../vocabulary.ts';

type Item<K extends 'identityProviders' | 'identities' | 'connections' | 'policies'> = ConfigurationSource[K][number];

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
const text = fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }).filter((value) => value.isWellFormed());
const duration = fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom('ms', 's', 'm', 'h', 'd')).map(([n, unit]) => `${n}${unit}`);
const subset = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1 });
const maybe = <T>(key: string, value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> => fc.option(value).map((found): Record<string, T> => (found === null ? {} : { [key]: found }));
const all = <T>(...parts: fc.Arbitrary<object>[]): fc.Arbitrary<T> => fc.tuple(...parts).map((found) => Object.assign({}, ...found) as T);

/** Configurations that are sound, with every optional key there or not, and texts of any characters. */
export const soundConfiguration: fc.Arbitrary<ConfigurationSource> = fc
  .tuple(fc.uniqueArray(name, { minLength: 1, maxLength: 3 }), fc.uniqueArray(name, { minLength: 1, maxLength: 3 }), fc.uniqueArray(name, { minLength: 1, maxLength: 3 }), fc.uniqueArray(name, { maxLength: 3 }), fc.uniqueArray(name, { maxLength: 2 }))
  .chain(([providers, identities, connections, policies, logins]) => {
    // People stand in a part of the configurations only; without them nothing is held.
    const people = logins.length > 0;
    const peopleGroup = people ? fc.constantFrom(...logins.flatMap((n) => [`${n}/dba`, `${n}/on call`, `${n}/a/b: c`])) : text;
    const peopleGroups = fc.uniqueArray(peopleGroup, { minLength: 1, maxLength: 3 });
    const login = (n: string) =>
      all<NonNullable<NonNullable<ConfigurationSource['control']>['login']>[number]>(
        fc.constant({ name: n, issuer: `https://${n}.people.example`, clientId: 'people' }),
        // Whoever may be asked has an account wherever a requester can come from.
        fc.constant({ accounts: Object.fromEntries(providers.map((provider) => [provider, 'claims.accounts.here'])) }),
        maybe('clientSecret', fc.constantFrom('env:OKTA', 'file:/run/okta')),
        maybe('scopes', fc.constantFrom(['openid'], ['groups', 'openid'])),
        maybe('groupsClaim', fc.constantFrom('roles', 'https://acme\\.example/groups')),
        maybe('jwks', fc.constant('https://keys.example/people')),
        maybe('sessionAge', fc.constantFrom('1m', '7d', '90s')),
        maybe('maxTokenAge', duration),
        maybe('idle', fc.constantFrom('1s', '59s')),
        maybe('allowPrivate', fc.boolean()),
      );
    const channel = (n: string) =>
      all<NonNullable<NonNullable<ConfigurationSource['control']>['channels']>[number]>(
        fc.constant({ name: n }),
        fc.oneof(
          all<object>(fc.constant({ type: 'slack', token: 'env:SLACK', signingSecret: 'file:/run/signing', channel: 'C0123' }), maybe('api', fc.constantFrom('https://slack.example/api/', 'http://127.0.0.1:9')), maybe('people', fc.record({ login: fc.constantFrom(...logins), userClaim: fc.constant('slack.id') }))),
          fc.constant({ type: 'webhook', url: 'https://hooks.example/x?y', secret: 'env:HOOK' }),
        ),
        maybe('includeStatement', fc.boolean()),
      );
    const control = people
      ? all<NonNullable<ConfigurationSource['control']>>(
          fc.constantFrom({}, { listen: '0.0.0.0:9000', url: 'https://x.example/base/' }),
          fc.tuple(...logins.map(login)).map((list) => ({ login: list })),
          // All logins have the role of approver, or there is none: else a rule could name groups of others only.
          maybe('roles', all<object>(maybe('admin', fc.record({ groups: peopleGroups })), maybe('viewer', fc.record({ groups: peopleGroups })), maybe('approver', fc.constant({ groups: logins.map((n) => `${n}/approvers`) })))),
          maybe('channels', fc.uniqueArray(name.filter((n) => n !== 'page' && n !== 'terminal'), { maxLength: 2 }).chain((names) => fc.tuple(...names.map(channel)))),
        )
      : fc.constantFrom<NonNullable<ConfigurationSource['control']>>({}, { listen: 'off' }, { listen: '0.0.0.0:9000', url: 'https://x.example' });
    const approvals = people
      ? all<NonNullable<ConfigurationSource['approvals']>>(maybe('forbid', fc.subarray(['author', 'requester', 'owner'])), maybe('breakGlass', fc.record({ groups: peopleGroups })))
      : fc.constantFrom<NonNullable<ConfigurationSource['approvals']>>({}, { forbid: [] });
    const ownerGroup = people ? fc.constantFrom(...logins.map((n) => `${n}/owners`)) : text;
    const provider = (n: string, index: number) =>
      all<Item<'identityProviders'>>(
        fc.constant({ name: n, issuer: `https://${n}.example`, audience: `wicketgate-${index}` }),
        maybe('once', fc.boolean()),
        maybe('allowPrivate', fc.boolean()),
        maybe('maxTokenAge', duration),
        maybe('maxKeyAge', duration),
        maybe('clockSkew', fc.constantFrom('0s', '5s', '60s', '1m')),
        maybe('algorithms', subset(['RS256', 'EdDSA', 'ES512'])),
        fc.constantFrom({}, { jwks: 'https://keys.example/x' }),
      );
    const identity = (n: string, index: number) =>
      all<Item<'identities'>>(
        fc.constant({ name: n, groups: ['everybody'] }),
        fc.record({ owner: fc.oneof(fc.record({ group: ownerGroup }), fc.record({ contact: text }), fc.record({ group: ownerGroup, contact: text })) }),
        fc.record({ provider: fc.constantFrom(...providers) }),
        // The number tells the identities apart; the rest may be anything, also names that objects treat in their own way.
        fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'origin', 'a.b', 'a\\.b', 'ref'), fc.oneof(text, fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }))).map((claims) => ({ claims: { ...claims, project: index } })),
        maybe('purpose', text),
        maybe('when', fc.constantFrom('claims.ref == "main"', '"x" in claims')),
        maybe('requester', fc.constant('claims.actor')),
        maybe('author', fc.constant('claims.commit.author')),
      );
    const connection = (n: string, index: number) =>
      all<Item<'connections'>>(
        fc.constant({ name: n, protocol: 'postgres' }),
        fc.constantFrom({ listen: '127.0.0.1:6432' }, { listen: `[::1]:${7000 + index}` }, { listen: `127.0.0.1:${8000 + index}`, plaintext: true }),
        fc.record({ target: all<object>(fc.constant({ host: 'db.internal', port: 5432 }), fc.record({ database: text }), maybe('tls', fc.constantFrom('disable', 'require', 'verify-full'))) }),
        fc.record({ credential: all<object>(fc.record({ username: text }), maybe('password', fc.constantFrom('env:DB', 'file:/run/secret', 'file:./b: c'))) }),
        maybe('evidence', all<object>(maybe('mode', fc.constantFrom('effect', 'strict')), maybe('recordAnswers', fc.constantFrom('off', '0B', '3B', '1025KiB', '512MiB')))),
        maybe('functions', fc.constant(['billing.close_month(integer, text)'])),
      );
    const mask = all<NonNullable<Item<'policies'>['mask']>[number]>(
      fc.constantFrom({ columns: ['*.password'] }, { detect: ['email'] }, { columns: ['a.b', '"A.b".c'], detect: [...detectors] }),
      maybe('mode', fc.constantFrom('strict', 'display')),
      maybe('transform', fc.oneof(fc.constantFrom('redact', 'null', 'hash'), fc.record({ partial: fc.integer({ min: 1, max: 16 }) }), fc.record({ fixed: text }))),
    );
    const rule = (n: string) =>
      all<NonNullable<Item<'policies'>['rules']>[number]>(
        fc.constant({ name: n }),
        people
          ? fc.oneof(
              fc.constant({ effect: 'deny' }),
              all<object>(
                fc.constant({ effect: 'require_approval' }),
                fc.record({ approval: all<object>(fc.record({ groups: peopleGroups }), maybe('count', fc.integer({ min: 1, max: 10 })), maybe('hold', fc.constantFrom('60s', '24h')), maybe('expires', fc.constantFrom('1ms', '30d')), maybe('holdInTransaction', fc.constantFrom('0s', '60s')), fc.constantFrom({}, { cover: 'command' }, { cover: 'data' }, { cover: 'data', coverUpTo: '256MiB' })) }),
              ),
            )
          : fc.constant({ effect: 'deny' }),
        maybe('match', fc.constantFrom({ verbs: ['drop'] }, { objects: ['database', 'table:x.*'] }, { columns: ['*.ssn'], classes: ['read'] }, { verbs: ['delete', 'update'], rows: '> 10' }, { functions: ['a.*'] })),
        maybe('when', fc.constant('now.getHours("UTC") < 6')),
        maybe('reason', text),
      );
    const policy = (n: string) =>
      all<Item<'policies'>>(
        fc.constant({ name: n }),
        fc.oneof(fc.record({ identities: subset(identities) }), fc.constant({ groups: ['everybody'] })),
        fc.record({ connections: fc.oneof(subset(connections), fc.constant(['*'])) }),
        maybe('allow', subset(['read', 'write', 'schema', 'session', 'unknown'])),
        maybe('rules', fc.uniqueArray(name, { maxLength: 3 }).chain((names) => fc.tuple(...names.map(rule)))),
        maybe('mask', fc.array(mask, { maxLength: 3 })),
        maybe('limits', all<object>(maybe('commandsPerMinute', fc.integer({ min: 1, max: 9999 })), maybe('sessionAge', duration))),
      );
    return fc.record({
      version: fc.constant(1 as const),
      gateway: fc.constantFrom<NonNullable<ConfigurationSource['gateway']>>({}, { data: './d', keys: './k', names: ['gw.internal'], reload: 'watch' }, { limits: { message: '1GiB', connections: 7, preAuth: { bytes: '1B' } } }),
      control,
      approvals,
      identityProviders: fc.tuple(...providers.map(provider)),
      identities: fc.tuple(...identities.map(identity)),
      connections: fc.tuple(...connections.map(connection)),
      policies: fc.tuple(...policies.map(policy)),
    });
  });
