/*
 * What a change of the API would break for who uses it: compares two OpenAPI documents. Additions are fine; what is gone, narrower or newly
 * required is not.
 */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Doc = { [key: string]: Json };

const isObject = (value: Json | undefined): value is Doc => typeof value === 'object' && value !== null && !Array.isArray(value);
const at = (value: Json | undefined, ...keys: readonly string[]): Json | undefined => keys.reduce<Json | undefined>((inside, key) => (isObject(inside) ? inside[key] : undefined), value);
const word = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value ?? 'anything'));
const strings = (value: Json | undefined): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);

/** One line for each break; empty: none. */
export const breakingChanges = (before: Doc, after: Doc): string[] => {
  const lines: string[] = [];
  for (const [path, methods] of Object.entries((at(before, 'paths') ?? {}) as Doc)) {
    for (const [method, operation] of Object.entries(methods as Doc)) {
      const name = `${method.toUpperCase()} ${path}`;
      const now = at(after, 'paths', path, method);
      if (now === undefined) lines.push(`${name} is gone`);
      else lines.push(...operationBreaks(name, operation, now, before, after));
    }
  }
  return [...new Set(lines)];
};

const operationBreaks = (name: string, before: Json, after: Json, old: Doc, now: Doc): string[] => {
  const lines: string[] = [];
  if (at(before, 'operationId') !== at(after, 'operationId')) lines.push(`${name}: operationId is another`);
  const roles = at(before, 'x-roles');
  for (const role of strings(roles)) if (!strings(at(after, 'x-roles')).includes(role)) lines.push(`${name}: the role ${role} may not any more`);
  const byName = (value: Json): Map<string, Doc> => new Map(((at(value, 'parameters') ?? []) as Doc[]).map((one) => [`${word(one['in'])} ${word(one['name'])}`, one]));
  const [had, has] = [byName(before), byName(after)];
  for (const [key, parameter] of had) {
    const other = has.get(key);
    if (!other) lines.push(`${name}: the parameter ${key} is gone`);
    else lines.push(...schemaBreaks(`${name}: ${key}`, parameter['schema'] ?? {}, other['schema'] ?? {}, 'request', { old, now, depth: 0 }));
  }
  for (const [key, parameter] of has) if (parameter['required'] === true && had.get(key)?.['required'] !== true) lines.push(`${name}: the parameter ${key} is required now`);
  const body = (value: Json): Json | undefined => at(value, 'requestBody', 'content', 'application/json', 'schema');
  if (body(after) !== undefined) {
    if (body(before) === undefined) lines.push(`${name}: a body is required now`);
    else lines.push(...schemaBreaks(`${name}: body`, body(before) ?? {}, body(after) ?? {}, 'request', { old, now, depth: 0 }));
  }
  for (const [status, answer] of Object.entries((at(before, 'responses') ?? {}) as Doc)) {
    if (!status.startsWith('2')) continue;
    const other = at(after, 'responses', status);
    if (other === undefined) {
      lines.push(`${name}: ${status} is no answer any more`);
      continue;
    }
    for (const [media, content] of Object.entries((at(answer, 'content') ?? {}) as Doc)) {
      const schema = at(other, 'content', media, 'schema');
      if (schema === undefined) lines.push(`${name}: ${media} is no answer any more`);
      else lines.push(...schemaBreaks(`${name}: answer`, at(content, 'schema') ?? {}, schema, 'response', { old, now, depth: 0 }));
    }
  }
  return lines;
};

interface Walk {
  readonly old: Doc;
  readonly now: Doc;
  readonly depth: number;
}

const resolved = (schema: Json, doc: Doc): Json => {
  const reference = at(schema, '$ref');
  return typeof reference === 'string' ? (at(doc, ...reference.slice(2).split('/')) ?? {}) : schema;
};

/** In a request it breaks who sends what was good; in an answer it breaks who reads what was there. */
const schemaBreaks = (where: string, written: Json, rewritten: Json, side: 'request' | 'response', walk: Walk): string[] => {
  if (walk.depth > 12) return [];
  const [before, after] = [resolved(written, walk.old), resolved(rewritten, walk.now)];
  const inner = { ...walk, depth: walk.depth + 1 };
  const lines: string[] = [];
  if (at(before, 'type') !== at(after, 'type')) return [`${where} is ${word(at(after, 'type'))} instead of ${word(at(before, 'type'))}`];
  const [were, are] = [at(before, 'enum'), at(after, 'enum')];
  if (Array.isArray(are) || Array.isArray(were)) {
    const [old, now] = [strings(were), strings(are)];
    if (side === 'request') for (const word of Array.isArray(are) ? old : []) if (!now.includes(word)) lines.push(`${where}: ${word} is not taken any more`);
    if (side === 'request' && were === undefined) lines.push(`${where} takes certain words only`);
    if (side === 'response') for (const word of old) if (Array.isArray(are) && !now.includes(word)) lines.push(`${where}: ${word} is not answered any more`);
  }
  for (const [bound, tighter] of [['maximum', -1], ['maxLength', -1], ['maxItems', -1], ['maxProperties', -1], ['minimum', 1], ['minLength', 1], ['minItems', 1]] as const) {
    const [old, now] = [at(before, bound), at(after, bound)];
    if (side === 'request' && typeof now === 'number' && (typeof old !== 'number' || (now - old) * tighter > 0)) lines.push(`${where}: ${bound} is ${now} now`);
  }
  if (side === 'request' && at(after, 'pattern') !== undefined && at(after, 'pattern') !== at(before, 'pattern')) lines.push(`${where}: the pattern is another`);
  const [required, requiredNow] = [strings(at(before, 'required')), strings(at(after, 'required'))];
  if (side === 'request') for (const key of requiredNow) if (!required.includes(key)) lines.push(`${where}.${key} is required now`);
  if (side === 'response') for (const key of required) if (!requiredNow.includes(key)) lines.push(`${where}.${key} may be missing now`);
  for (const [key, property] of Object.entries((at(before, 'properties') ?? {}) as Doc)) {
    const other = at(after, 'properties', key);
    if (other === undefined) lines.push(`${where}.${key} is gone`);
    else lines.push(...schemaBreaks(`${where}.${key}`, property, other, side, inner));
  }
  const [items, itemsNow] = [at(before, 'items'), at(after, 'items')];
  if (items !== undefined && itemsNow !== undefined) lines.push(...schemaBreaks(`${where}[]`, items, itemsNow, side, inner));
  return lines;
};
