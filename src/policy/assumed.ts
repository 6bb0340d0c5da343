import type { IdentityConfig } from '../config/resolved.ts';
import type { Principal } from '../model/principal.ts';

/**
 * The principal that a token of this identity would become: for questions about policy, where there is no token. It has the claims that
 * the identity requires, with `claims` over them.
 */
export function assumedPrincipal(identity: IdentityConfig, claims: Readonly<Record<string, unknown>>): Principal {
  const assumed = withRequired(claims, identity.claims);
  const requester = identity.requester === undefined ? undefined : assumed[identity.requester];
  return {
    identity: identity.name,
    provider: identity.provider,
    subject: typeof assumed['sub'] === 'string' ? assumed['sub'] : '',
    groups: identity.groups,
    owner: identity.owner,
    ...(typeof requester === 'string' ? { requester } : {}),
    claims: assumed,
    tokenFingerprint: '',
    tokenExpiresAt: Number.POSITIVE_INFINITY,
  };
}

/** Required claims are written as paths: `a.b` is member b of a, `\.` a dot in a name. */
function withRequired(claims: Readonly<Record<string, unknown>>, required: IdentityConfig['claims']): Record<string, unknown> {
  const all = structuredClone(claims) as Record<string, unknown>;
  for (const [path, value] of Object.entries(required)) {
    const names = path.split(/(?<!\\)\./).map((name) => name.replaceAll(/\\([.\\])/g, '$1'));
    let inside: Record<string, unknown> | undefined = all;
    for (const name of names.slice(0, -1)) inside = memberObject(inside, name);
    const last = names.at(-1) ?? '';
    // A claim that was given, of whatever value, is what the question is about.
    if (inside !== undefined && !Object.hasOwn(inside, last)) define(inside, last, value);
  }
  return all;
}

function memberObject(holder: Record<string, unknown> | undefined, name: string): Record<string, unknown> | undefined {
  if (holder === undefined) return undefined;
  if (!Object.hasOwn(holder, name)) define(holder, name, {});
  const member = holder[name];
  return typeof member === 'object' && member !== null && !Array.isArray(member) ? (member as Record<string, unknown>) : undefined;
}

/** Sets an own member whatever its name (`__proto__` is a name like others in a token). */
const define = (holder: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
};
