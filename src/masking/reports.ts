import { detectorMasks, replaceHits } from './cells.ts';
import { detect, prepare } from './detectors.ts';
import type { DetectorKind } from './detectors.ts';
import type { DetectorMask, MaskSet } from './plan.ts';
import { conditionName } from './sqlstates.ts';

/** A field of ErrorResponse or NoticeResponse: its code, as one character, and its value. */
export interface ReportField {
  readonly code: string;
  readonly value: string;
}

/** Severity, SQLSTATE and position: what says nothing of a value. */
const kept: ReadonlySet<string> = new Set(['S', 'V', 'C', 'P']);

/**
 * The one error that drivers know by the routine that raised it: a prepared statement whose answer has other columns since the table was altered
 * (JDBC, Active Record and others prepare it again). It is about types alone. The name of any other routine could tell values apart.
 */
const STALE = { state: '0A000', routine: 'RevalidateCachedQuery', message: 'cached plan must not change result type' } as const;

/**
 * The fields of an error or notice as the client may see them.
 * With strict masks the text goes, as do detail, context, hint, the internal query and the names of what failed: each
 * can hold a value of a row that the client may not see. In its place stands what the SQLSTATE is called.
 * Else the detectors look through every text. Returns `fields` itself when nothing changes.
 */
export function maskReport<Field extends ReportField>(fields: readonly Field[], masks: MaskSet): readonly Field[] {
  if (!masks.strict) {
    if (masks.detect.length === 0) return fields;
    let changed = false;
    const masked = fields.map((field) => {
      if (kept.has(field.code)) return field;
      const value = maskText(field.value, masks);
      if (value === field.value) return field;
      changed = true;
      return { ...field, value };
    });
    return changed ? masked : fields;
  }
  const state = fields.find((field) => field.code === 'C')?.value ?? 'XX000';
  const stale = state === STALE.state && fields.some(({ code, value }) => code === 'R' && value === STALE.routine);
  const message = stale ? STALE.message : conditionName(state);
  return fields.filter(({ code }) => kept.has(code) || code === 'M' || (stale && code === 'R')).map((field) => (field.code === 'M' ? { ...field, value: message } : field));
}

/** A notification's payload, a parameter's value, a command's tag: a text of the server's, looked through by the detectors. */
export function maskText(text: string, masks: MaskSet): string {
  if (masks.detect.length === 0) return text;
  const masksOf = detectorMasks(masks.detect);
  const bytes = Buffer.from(text);
  const hits = detect(bytes, 0, bytes.length, prepare([...masksOf.keys()]));
  if (hits === undefined) return text;
  // A part of a text cannot be NULL: it is starred.
  const maskOf = (kind: DetectorKind): DetectorMask => {
    const mask = masksOf.get(kind)!;
    return mask.transform === 'null' ? { ...mask, transform: 'redact' } : mask;
  };
  return (replaceHits(bytes, 0, bytes.length, hits, maskOf) ?? bytes).toString();
}
