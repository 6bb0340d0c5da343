import type { ConnectionConfig } from '../config/resolved.ts';
import type { Command } from '../model/command.ts';
import type { Asking } from '../policy/policy-set.ts';

/** A command's text as the connection's protocol understands it. */
export interface ExplainedText {
  readonly command: Command;
  /** `live`: with the names of the target's catalog. `none`: without, so that its own names are not known. */
  readonly catalog: 'live' | 'none';
  /** Where names without a schema were looked up, in order. */
  readonly searchPath: readonly string[];
  /** `asked`: as the question said. `target`: as the target gives it to a session that has just opened. `default`: assumed. */
  readonly searchPathFrom: 'asked' | 'target' | 'default';
  /** Why the gateway refuses it although policy allows it: a pinned setting, a mask; undefined when it does not. */
  objection(asking: Asking): string | undefined;
}

/** Understands a text without running anything of it. */
export type Explainer = (text: string, connection: ConnectionConfig, searchPath?: readonly string[]) => Promise<ExplainedText>;
