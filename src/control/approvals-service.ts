import { join } from 'node:path';
import type { Approvals } from '../approvals/approvals.ts';
import { approvalClock } from '../approvals/clock.ts';
import type { ApprovalRecord, ApprovalStore } from '../approvals/ports.ts';
import { createApprovals } from '../approvals/service.ts';
import type { Config } from '../config/resolved.ts';
import type { AppendLog } from '../evidence/append-log.ts';
import { openState, sealState } from '../evidence/sealed-state.ts';
import type { Logger } from '../model/logger.ts';
import { keyFile } from '../secrets/key-file.ts';

/** Commands that one identity may have held on one connection when no policy says so. */
const HELD = 100;

export interface ApprovalsServiceParts {
  readonly config: () => Config;
  readonly evidence: Pick<AppendLog, 'append' | 'keys'>;
  readonly store: ApprovalStore;
  readonly log: Logger;
  /** Told of each record, to count. */
  readonly recorded: (record: ApprovalRecord) => void;
}

/** Approvals over this gateway's store, evidence and keys. */
export const startApprovals = ({ config, evidence, store, log, recorded }: ApprovalsServiceParts): Approvals =>
  createApprovals({
    store,
    record: (record, bodies) => {
      recorded(record);
      return evidence.append(record, bodies);
    },
    seal: (connection, bytes) => sealState(evidence.keys, connection, new Date().toISOString().slice(0, 10), bytes),
    open: (sealed) => openState(evidence.keys, sealed),
    key: keyFile(join(config().gateway.keys, 'approval.key')),
    clock: approvalClock,
    settings: () => {
      const { approvals, control } = config();
      const { approver } = control.roles;
      return { forbid: approvals.forbid, breakGlass: approvals.breakGlass, approvers: approver.length === 0 ? undefined : approver, url: control.url, heldCommands: HELD };
    },
    logger: log,
  });
