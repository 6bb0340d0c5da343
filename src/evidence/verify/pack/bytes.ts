/*
 * This folder runs in browsers as well: it has nothing of Node, and takes nothing from the rest of the verifier that has. What a
 * pack says is hostile until it is proved.
 */

/** SHA-256, by what the platform has that is fast for many short texts. */
export interface Sha256 {
  readonly of: (bytes: Uint8Array) => Uint8Array;
  readonly stream: () => { readonly update: (bytes: Uint8Array) => void; readonly digest: () => Uint8Array };
  /** For whole files, where the platform has something faster that answers later. */
  readonly whole?: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** The text, or undefined when it is not UTF-8. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
};

export const concat = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

export const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

export const inHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
};

/** The bytes that a lower case hex text stands for; undefined for anything else. */
export const fromHex = (text: string): Uint8Array<ArrayBuffer> | undefined =>
  /^(?:[0-9a-f]{2})*$/.test(text) ? Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)) : undefined;

export const inBase64 = (bytes: Uint8Array): string => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
};

/** The bytes that a base64 text stands for, in the one way it may be written; undefined for anything else. */
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    const binary = atob(text);
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return inBase64(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
};

/** A JSON object, or undefined. */
export const objectIn = (text: string | undefined): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value = JSON.parse(text ?? '') as unknown;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
