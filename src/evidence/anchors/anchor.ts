import { createHash } from 'node:crypto';
import type { SignedCheckpoint } from '../witnesses/source.ts';

/** A checkpoint that is to be kept elsewhere. */
export interface AnchoredCheckpoint extends SignedCheckpoint {
  /** Name of the log. */
  readonly origin: string;
}

/** Another place that keeps checkpoints. */
export interface Anchor {
  /** Keeps the checkpoint there, and makes sure that it is kept. Rejects with AnchorFault; one call at a time. */
  keep(checkpoint: AnchoredCheckpoint): Promise<void>;
}

/** It is not kept. The message is for the log and for people: words and codes of ours. */
export class AnchorFault extends Error {}

/** From the look-up of a name to the last byte of one answer. */
export const ANSWER_MS = 15_000;

/** Names a log in folders and objects: the beginning of the hex SHA-256 of its name, which has slashes. */
export const logFolderName = (origin: string): string => createHash('sha256').update(origin, 'utf8').digest('hex').slice(0, 32);

/** Sizes sort as texts. */
export const sizeName = (size: number): string => String(size).padStart(16, '0');
