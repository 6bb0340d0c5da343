import type { UserFunction } from '../catalog.ts';
import type { GrantedFunctions } from '../understand.ts';

/** Other spellings of type names, as people write them, with the one that the server prints. */
const SPELLINGS: Readonly<Record<string, string>> = {
  int: 'integer', int4: 'integer', int2: 'smallint', int8: 'bigint', bool: 'boolean', float4: 'real', float8: 'double precision', float: 'double precision',
  decimal: 'numeric', varchar: 'character varying', char: 'character', bpchar: 'character', varbit: 'bit varying',
  timestamp: 'timestamp without time zone', timestamptz: 'timestamp with time zone', time: 'time without time zone', timetz: 'time with time zone',
};

const typeName = (written: string): string => {
  const trimmed = written.trim().replace(/\s+/g, ' ');
  const [, variadic = '', base = '', array = ''] = /^(variadic )?(.*?)((?:\[\])*)$/i.exec(trimmed) ?? [];
  const lower = base.includes('"') ? base : base.toLowerCase();
  const plain = lower.startsWith('pg_catalog.') ? lower.slice('pg_catalog.'.length) : lower;
  return `${variadic.toLowerCase()}${SPELLINGS[plain] ?? plain}${array}`;
};

const normal = (schemaAndName: string, types: string): string => `${schemaAndName}(${types.trim() === '' ? '' : types.split(',').map(typeName).join(',')})`;

/** The functions that a connection's configuration vouches for: `billing.close_month(int)`. */
export class Granted {
  readonly #signatures: ReadonlySet<string>;

  constructor(granted: GrantedFunctions) {
    this.#signatures = new Set(
      granted.signatures.flatMap((signature) => {
        const match = /^\s*([^\s(]+)\s*\(([^()]*)\)\s*$/.exec(signature);
        return match ? [normal(match[1] ?? '', match[2] ?? '')] : [];
      }),
    );
  }

  has(called: UserFunction): boolean {
    return this.#signatures.size > 0 && this.#signatures.has(normal(`${called.schema}.${called.name}`, called.arguments));
  }
}
