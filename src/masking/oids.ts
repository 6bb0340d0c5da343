/** Type OIDs of pg_type.dat, fixed since they were made. */
export const oid = {
  bool: 16, bytea: 17, char: 18, name: 19, int8: 20, int2: 21, int2vector: 22, int4: 23, regproc: 24, text: 25, oid: 26, tid: 27, xid: 28, cid: 29,
  oidvector: 30, json: 114, xml: 142, xid8: 5069, point: 600, lseg: 601, path: 602, box: 603, polygon: 604, line: 628, cidr: 650, float4: 700, float8: 701,
  unknown: 705, circle: 718, macaddr8: 774, money: 790, macaddr: 829, inet: 869, bpchar: 1042, varchar: 1043, date: 1082, time: 1083, timestamp: 1114,
  timestamptz: 1184, interval: 1186, timetz: 1266, bit: 1560, varbit: 1562, numeric: 1700, refcursor: 1790, uuid: 2950, pg_lsn: 3220, tsvector: 3614,
  tsquery: 3615, jsonb: 3802, jsonpath: 4072, record: 2249, cstring: 2275,
} as const;

/** Array types: their OID and that of their elements. */
export const elementOf: ReadonlyMap<number, number> = new Map([
  [1000, 16], [1001, 17], [1002, 18], [1003, 19], [1016, 20], [1005, 21], [1007, 23], [1008, 24], [1009, 25], [1028, 26], [199, 114], [143, 142],
  [1017, 600], [1018, 601], [1019, 602], [1020, 603], [1027, 604], [629, 628], [651, 650], [1021, 700], [1022, 701], [719, 718], [775, 774], [791, 790],
  [1040, 829], [1041, 869], [1014, 1042], [1015, 1043], [1182, 1082], [1183, 1083], [1115, 1114], [1185, 1184], [1187, 1186], [1270, 1266], [1561, 1560],
  [1563, 1562], [1231, 1700], [2201, 1790], [2951, 2950], [3221, 3220], [3643, 3614], [3645, 3615], [3807, 3802], [4073, 4072], [271, 5069],
  [1006, 22], [1010, 27], [1011, 28], [1012, 29], [1013, 30], [2287, 2249], [1263, 2275],
]);

/** Range types and, behind them, multirange types. */
export const ranges: ReadonlySet<number> = new Set([3904, 3906, 3908, 3910, 3912, 3926]);
export const multiranges: ReadonlySet<number> = new Set([4451, 4532, 4533, 4534, 4535, 4536]);

/** Types whose value is characters, in both formats alike. */
export const characters: ReadonlySet<number> = new Set([oid.text, oid.varchar, oid.bpchar, oid.name, oid.unknown]);

/** Types with characters inside a form of their own, in both formats: documents, and what keeps texts of others (`ROW(email)`, lexemes, paths). */
export const structured: ReadonlySet<number> = new Set([oid.json, oid.jsonb, oid.xml, oid.record, oid.cstring, oid.refcursor, oid.tsvector, oid.tsquery, oid.jsonpath]);

/** FirstNormalObjectId in access/transam.h: OIDs from here on are those of things made in the database. */
export const firstNormalOid = 16_384;
