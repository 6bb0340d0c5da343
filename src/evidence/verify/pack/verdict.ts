import type { CoverageReport } from './coverage.ts';
import type { Gap } from './follow.ts';
import type { Manifest } from './manifest.ts';
import type { Cell } from './rows.ts';

/** Something in the pack that is not as it must be. */
export interface PackFault {
  readonly what: string;
  readonly file?: string;
  readonly line?: number;
  readonly log?: string;
  readonly sequence?: number;
}

/** A command that the seed drew, with what the pack shows of it. */
export interface CheckedSample {
  readonly draw: number;
  readonly index: number;
  /** By column of the population. */
  readonly row: Readonly<Record<string, Cell>>;
  readonly records: readonly number[];
  readonly texts: readonly { readonly part: string; readonly text?: string; readonly bytes?: number; readonly absent?: string }[];
}

/** What was found in one log. */
export interface LogFindings {
  readonly log: string;
  readonly first: number;
  readonly end: number;
  readonly opening: { readonly size: number };
  readonly closing: { readonly size: number; readonly root: string };
  /** Records that were checked. */
  readonly records: number;
  /** Checkpoints that agree with the records and are signed. */
  readonly checkpoints: number;
  /** `given`: by a key that the auditor brought. `log`: only by one that the log itself names. `none`: by no key that is known. */
  readonly key: 'given' | 'log' | 'none';
  readonly vkey?: string;
  readonly rotations: number;
  readonly witnessed?: { readonly size: number; readonly by: readonly string[]; readonly of: number; readonly time: string };
  readonly timestamps: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly coverage: CoverageReport;
  readonly samples: readonly CheckedSample[];
  readonly behind: number;
}

/** What verification of a pack found: two verdicts, as for a log. */
export interface PackVerdict {
  readonly pack: Pick<Manifest, 'made' | 'query'>;
  readonly integrity: { readonly ok: boolean; readonly faults: readonly PackFault[]; readonly faultCount: number };
  readonly completeness: {
    /** `complete`: the whole period is there. `open`: nothing is missing, but the period was not over when the pack was made. */
    readonly verdict: 'complete' | 'open' | 'incomplete';
    readonly gaps: readonly Gap[];
    readonly gapCount: number;
    readonly open: readonly string[];
  };
  readonly logs: readonly LogFindings[];
  readonly files: number;
}

const NAMED = 100;

/** Gathers what is wrong; the first are named, all are counted. */
export class Findings {
  readonly faults: PackFault[] = [];
  faultCount = 0;
  readonly gaps: Gap[] = [];
  gapCount = 0;
  readonly open: string[] = [];
  readonly roster = new Set<string>();

  readonly fault = (fault: PackFault): void => {
    this.faultCount += 1;
    if (this.faults.length < NAMED) this.faults.push(fault);
  };

  readonly gap = (gap: Gap): void => {
    this.gapCount += 1;
    if (this.gaps.length < NAMED) this.gaps.push(gap);
  };
}
