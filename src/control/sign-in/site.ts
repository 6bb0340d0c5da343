import { isIP } from 'node:net';
import type { ControlConfig } from '../../config/resolved.ts';

/** The address that people reach the control plane by. */
export interface Site {
  /** As browsers send it in Origin. */
  readonly origin: string;
  /** Path that a proxy in front adds, without a slash at its end. */
  readonly base: string;
  /** Over TLS. */
  readonly secure: boolean;
}

/** Undefined when people cannot sign in safely: over plain text only a browser on this machine may. */
export const siteOf = ({ url, listen }: Pick<ControlConfig, 'url' | 'listen'>): Site | undefined => {
  const address = url ?? (listen && isLoopback(listen.host) ? `http://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}` : undefined);
  const parsed = address === undefined ? undefined : URL.parse(address);
  if (!parsed) return undefined;
  const secure = parsed.protocol === 'https:';
  if (!secure && !(parsed.protocol === 'http:' && isLoopback(parsed.hostname.replaceAll(/^\[|\]$/g, '')))) return undefined;
  return { origin: parsed.origin, base: parsed.pathname.replace(/\/+$/, ''), secure };
};

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
