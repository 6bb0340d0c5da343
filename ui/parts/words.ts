/** A number for people: 12,345. */
export const count = (value: number): string => value.toLocaleString('en');

/** `1 row`, `2 rows`. */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let size = value / 1024;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** The kinds and verbs of the gateway in words: `drop_table` is `drop table`. */
export const spaced = (word: string): string => word.replaceAll('_', ' ');

/** An object of the catalog, as evidence names it: `table:public.orders` is a table and its name. */
export function objectOf(object: string): { readonly kind: string | undefined; readonly name: string } {
  const [, kind, name] = /^([a-z_]+):(.+)$/s.exec(object) ?? [];
  return kind === undefined || name === undefined ? { kind: undefined, name: object } : { kind: spaced(kind), name };
}

/** The beginning of a digest, enough to compare with another. */
export const short = (digest: string): string => digest.slice(0, 12);
