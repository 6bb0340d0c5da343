import { hash } from 'node:crypto';
import type { ChunkForm } from './aws-chunk-reader.ts';
import { chunkedLength } from './aws-chunk-writer.ts';
import { headerValues } from './headers.ts';
import type { OutgoingHead } from './injector.ts';
import { NotSignable } from './not-signable.ts';
import { EMPTY_SHA256, hasS3Rules, UNSIGNED_PAYLOAD } from './sigv4.ts';

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
/** What is in the way of memory, not of any real upload. */
const MAX_TRAILERS = 8;

/** How the body of a request is vouched for. */
export interface Payload {
  /** For the canonical request: SHA-256 in hex, or the word that stands for it. */
  readonly word: string;
  /** The body is written anew in chunks. */
  readonly chunks?: {
    readonly from: { readonly form: ChunkForm } | { readonly plain: number };
    readonly signed: boolean;
    readonly decoded?: number;
    readonly length?: number;
  };
}

/** Whether nothing that the head says can stand for the body's hash: then the body itself is needed. */
export const needsBytes = (head: OutgoingHead, service: string): boolean => {
  if (head.body.kind !== 'stream' || hasS3Rules(service)) return false;
  const claim = claimOf(head);
  return !(isDigest(claim) || (claim === UNSIGNED_PAYLOAD && head.scheme === 'https'));
};

/**
 * Chooses the strongest form that is possible: the hash of bytes at hand; the hash that the client announced, which the target then checks;
 * signed chunks; and, over TLS only, where the client asked for it or S3 allows it, no signature over the body. Throws NotSignable.
 */
export const payloadOf = (head: OutgoingHead, service: string): Payload => {
  const claim = claimOf(head);
  if (claim?.startsWith('STREAMING-') === true) return chunked(head, service, claim);
  if (claim !== undefined && claim !== UNSIGNED_PAYLOAD && !isDigest(claim)) throw new NotSignable('x-amz-content-sha256 is neither a SHA-256 nor a word that is known');
  const { body, scheme } = head;
  if (body.kind !== 'stream') {
    const digest = body.kind === 'none' ? EMPTY_SHA256 : hash('sha256', body.bytes, 'hex');
    if (isDigest(claim) && claim !== digest) throw new NotSignable('the body is not the one of x-amz-content-sha256');
    return { word: digest };
  }
  if (isDigest(claim)) return { word: claim };
  if (scheme === 'https' && (claim === UNSIGNED_PAYLOAD || hasS3Rules(service))) return { word: UNSIGNED_PAYLOAD };
  if (!hasS3Rules(service)) throw new NotSignable('the body must be read as a whole to be signed for this service');
  if (body.length === undefined) throw new NotSignable('the body needs a Content-Length: without TLS to the target it is signed in chunks');
  return { word: SIGNED, chunks: { from: { plain: body.length }, signed: true, decoded: body.length, ...known(chunkedLength(body.length, true, undefined)) } };
};

const chunked = (head: OutgoingHead, service: string, claim: string): Payload => {
  if (!hasS3Rules(service) || ![SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER].includes(claim)) throw new NotSignable('this form of signed stream is not known for this service');
  if (head.body.kind === 'none') throw new NotSignable('a chunked body was announced, and there is none');
  const form = formOf(head.headers, claim);
  const { trailers, length: decoded } = form;
  // Without TLS somebody between could change what is not signed.
  const signed = claim !== UNSIGNED_TRAILER || head.scheme === 'http';
  if (signed && decoded === undefined) throw new NotSignable('a signed chunked body needs x-amz-decoded-content-length');
  const word = !signed ? UNSIGNED_TRAILER : trailers === undefined ? SIGNED : SIGNED_TRAILER;
  return { word, chunks: { from: { form }, signed, ...(decoded === undefined ? {} : { decoded, ...known(chunkedLength(decoded, signed, trailers)) }) } };
};

/** The form in chunks that header fields announce; undefined: none. Throws NotSignable for what is not known, or said in two ways. */
export const chunkFormOf = (headers: OutgoingHead['headers']): ChunkForm | undefined => {
  const claim = only(headers, 'x-amz-content-sha256');
  if (claim?.startsWith('STREAMING-') !== true) return undefined;
  if (![SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER].includes(claim)) throw new NotSignable('this form of signed stream is not known');
  return formOf(headers, claim);
};

const formOf = (headers: OutgoingHead['headers'], claim: string): ChunkForm => {
  const trailers = claim === SIGNED ? undefined : trailersOf(headers);
  return { signed: claim !== UNSIGNED_TRAILER, ...(trailers === undefined ? {} : { trailers }), ...known(decodedLength(headers)) };
};

const known = (length: number | undefined): { readonly length?: number } => (length === undefined ? {} : { length });

const claimOf = ({ headers }: OutgoingHead): string | undefined => only(headers, 'x-amz-content-sha256');

const isDigest = (claim: string | undefined): claim is string => claim !== undefined && /^[0-9a-f]{64}$/.test(claim);

const decodedLength = (headers: OutgoingHead['headers']): number | undefined => {
  const text = only(headers, 'x-amz-decoded-content-length');
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new NotSignable('x-amz-decoded-content-length is not a length');
  return Number(text);
};

const trailersOf = (headers: OutgoingHead['headers']): readonly string[] => {
  const names = headerValues(headers, 'x-amz-trailer').flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
  if (names.length === 0 || names.length > MAX_TRAILERS || new Set(names).size !== names.length || !names.every((name) => /^x-amz-checksum-[a-z0-9-]{1,64}$/.test(name))) {
    throw new NotSignable('x-amz-trailer is not a list of checksums');
  }
  return names;
};

/** The value of a header that may stand there once. */
const only = (headers: OutgoingHead['headers'], name: string): string | undefined => {
  const [value, ...more] = headerValues(headers, name);
  if (more.length > 0) throw new NotSignable(`${name} stands there twice`);
  return value;
};
