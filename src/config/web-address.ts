import { isIP } from 'node:net';
import { addressKind } from '../wire/addresses.ts';
import { isHostName, isLoopback } from './addresses.ts';
import { isMetadata } from './metadata.ts';

export interface AddressProblem {
  readonly message: string;
  readonly suggestion?: string;
}

export interface AddressUse {
  /** Whether the gateway itself connects to it; else it is only compared. */
  readonly fetched: boolean;
  /** Private and loopback addresses are accepted: `allowPrivate`, or a use where they are ordinary. */
  readonly allowPrivate: boolean;
  /** An exact name, as `iss` is, or a base to which a path is added. */
  readonly bare?: string;
}

/** What is wrong with an address that the gateway calls or compares, if anything. Names that resolve elsewhere are looked at when they are used. */
export function webAddressProblem(written: string, use: AddressUse): AddressProblem | undefined {
  const url = URL.parse(written);
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (url === null || !isHostName(host) || written !== written.trim()) return { message: 'is not a web address' };
  if (url.username !== '' || url.password !== '') return { message: 'holds a user or password', suggestion: 'remove them' };
  if (use.bare !== undefined && (written.includes('?') || written.includes('#'))) return { message: `has a query or a fragment, which ${use.bare} never has` };
  if (url.protocol !== 'https:' && !isLoopback(host)) return { message: 'http is accepted for loopback addresses only', suggestion: 'write https://' };
  if (!use.fetched) return undefined;
  if (isMetadata(host)) return { message: 'is a link-local or metadata address, or one of nobody, from which nothing is fetched' };
  if (!use.allowPrivate && isPrivate(host)) return { message: 'is a private or loopback address, from which no keys are fetched', suggestion: 'write allowPrivate: true if the issuer is really there' };
  return undefined;
}

/** Entra's address of all tenants, which is in no token. */
export const isAllTenants = (issuer: string): boolean => /^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers|\{)/i.test(issuer);

/** Loopback and private addresses, however they are written, and those of nobody. Names that resolve to one are looked at when they are used. */
export const isPrivate = (host: string): boolean => isLoopback(host) || (isIP(host) !== 0 && addressKind(host) !== 'public');
