import type { Sequence } from './json-tokenizer.ts';

/** How a body is read. */
export type BodyForm =
  | { readonly kind: 'json'; readonly sequence: Sequence }
  | { readonly kind: 'csv'; readonly delimiter: ',' | '\t'; readonly header: boolean }
  | { readonly kind: 'form' }
  | { readonly kind: 'events' }
  /** Text without fields: detectors only. */
  | { readonly kind: 'text'; readonly markup: 'none' | 'html' | 'xml' }
  /** Nobody knows what it says. */
  | { readonly kind: 'other' };

const lines: ReadonlySet<string> = new Set([
  'application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/jsonlines', 'application/json-lines', 'application/x-jsonlines', 'application/x-jsonl', 'application/x-json-stream',
  'application/stream+json', 'text/x-ndjson', 'text/ndjson', 'text/jsonl',
]);
const json: ReadonlySet<string> = new Set(['application/json', 'text/json', 'text/x-json', 'application/x-json', 'application/x-amz-json-1.0', 'application/x-amz-json-1.1', 'application/csp-report']);
/** Text by another name. */
const texts: ReadonlySet<string> = new Set(['application/yaml', 'application/x-yaml', 'application/toml', 'application/sql', 'application/javascript', 'application/x-javascript', 'application/ecmascript', 'application/graphql', 'application/x-sh', 'application/pem-certificate-chain', 'application/x-pem-file']);
const xmls: ReadonlySet<string> = new Set(['application/xml', 'text/xml', 'image/svg+xml']);

/** A media type without its parameters, lower case; empty when it is none. */
export function essence(mediaType: string): string {
  const name = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
  return /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(name) ? name : '';
}

/** A media type as forgiving servers read it: up to whatever cannot stand in one. PHP takes `application/x-www-form-urlencoded, x` for a form. */
export function leniently(mediaType: string): string {
  return /^[^;,\s]*/.exec(mediaType.trim())![0];
}

/** How bodies of a media type are read. What it says of the body is not believed: each reader refuses what is not of its form. */
export function formOf(mediaType: string): BodyForm {
  const type = essence(mediaType);
  if (lines.has(type)) return { kind: 'json', sequence: 'lines' };
  if (type === 'application/json-seq' || type.endsWith('+json-seq')) return { kind: 'json', sequence: 'records' };
  if (json.has(type) || type.endsWith('+json')) return { kind: 'json', sequence: 'one' };
  if (type === 'text/csv' || type === 'application/csv' || type === 'text/comma-separated-values') return { kind: 'csv', delimiter: ',', header: !/;\s*header\s*=\s*"?absent/i.test(mediaType) };
  if (type === 'text/tab-separated-values' || type === 'text/tsv') return { kind: 'csv', delimiter: '\t', header: true };
  if (type === 'application/x-www-form-urlencoded') return { kind: 'form' };
  if (type === 'text/event-stream') return { kind: 'events' };
  if (xmls.has(type) || type.endsWith('+xml')) return { kind: 'text', markup: type === 'application/xhtml+xml' ? 'html' : 'xml' };
  if (type === 'text/html') return { kind: 'text', markup: 'html' };
  return type.startsWith('text/') || texts.has(type) ? { kind: 'text', markup: 'none' } : { kind: 'other' };
}
