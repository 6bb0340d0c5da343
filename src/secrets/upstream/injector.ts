import type { Transform } from 'node:stream';
import type { HttpCredentialConfig } from '../../config/resolved.ts';
import type { Logger } from '../../model/logger.ts';
import type { Secrets } from '../secrets.ts';
import type { ChunkSeed } from './aws-chunk-signature.ts';
import { awsInjector } from './aws.ts';
import { azureInjector } from './azure.ts';
import { basicInjector } from './basic.ts';
import { bearerInjector } from './bearer.ts';
import { googleInjector } from './google.ts';
import { headerInjector } from './header.ts';
import { noneInjector } from './none.ts';
import { oauthInjector } from './oauth.ts';

/** The head of a request as it is about to go to the target, and what is known of its body. */
export interface OutgoingHead {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** What the target is told as `Host` or `:authority`. */
  readonly authority: string;
  /** With the query, exactly as it is sent. */
  readonly path: string;
  /** In the order in which they are sent. The injector changes this list. */
  readonly headers: [name: string, value: string][];
  readonly body:
    | { readonly kind: 'none' }
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | {
        readonly kind: 'stream';
        readonly length?: number;
        /** Where the client signed its request with a key that the gateway issued, and its body chunk by chunk: what those signatures follow from. */
        readonly chunks?: ChunkSeed;
      };
}

/** The body as it goes to the target instead: what the client sends is put through `transform`. */
export interface OutgoingBody {
  readonly transform: Transform;
  /** Bytes that come out. Undefined: not known before the end. */
  readonly length?: number;
}

/** Puts one connection's credential on its requests. */
export interface Injector {
  /** Header names (lower case) that a client may not send itself: removed before. */
  readonly owns: readonly string[];
  /** Whether the request can only be signed with its whole body at hand: then read it and give `bytes`. Absent: never. */
  readonly needsBytes?: (head: OutgoingHead) => boolean;
  /**
   * Puts the credential on: changes head.headers, last of all, because what is signed must not change any more. May give a transform for the
   * body; `content-length` among the headers then says its length, or is gone. What is at hand is put on at once; only where something has to be waited
   * for, `signal` is asked for, and a promise comes back. Throws, or rejects with, CredentialUnavailable (the gateway's side), NotSignable (the client's
   * side), or the signal's reason.
   */
  inject(head: OutgoingHead, signal: () => AbortSignal): Promise<{ readonly body?: OutgoingBody } | undefined> | undefined;
  /**
   * The target refused the credential (401): what is cached is dropped. With the head, only when that head carried what is cached now. True: the
   * same request would now go with another one.
   */
  rejected(head?: OutgoingHead): boolean;
  close(): void;
}

export interface InjectorParts {
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** The injector of a connection. Nothing is read or fetched before the first request. */
export const createInjector = (credential: HttpCredentialConfig, parts: InjectorParts): Injector => {
  switch (credential.type) {
    case 'none': return noneInjector();
    case 'bearer': return bearerInjector(credential, parts);
    case 'header': return headerInjector(credential, parts);
    case 'basic': return basicInjector(credential, parts);
    case 'oauth': return oauthInjector(credential, parts);
    case 'google': return googleInjector(credential, parts);
    case 'azure': return azureInjector(credential, parts);
    case 'aws': return awsInjector(credential, parts);
  }
};

/** The configuration of one kind. */
export type CredentialOf<Type extends HttpCredentialConfig['type']> = Extract<HttpCredentialConfig, { readonly type: Type }>;
