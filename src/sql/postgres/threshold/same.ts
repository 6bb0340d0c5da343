/** Fields that say where something stands in the text, and nothing else. */
const isPlace = (field: string): boolean => field.endsWith('location') || field.endsWith('list_start') || field.endsWith('list_end');

/** Whether two trees are the same, wherever they stand in their texts. */
export function sameTree(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    return Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((each, at) => sameTree(each, other[at]));
  }
  const a = one as Record<string, unknown>;
  const b = other as Record<string, unknown>;
  const fields = Object.keys(a).filter((field) => !isPlace(field));
  return fields.length === Object.keys(b).filter((field) => !isPlace(field)).length && fields.every((field) => field in b && sameTree(a[field], b[field]));
}
