import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PostgresVersion } from '../../kit/postgres.ts';
import { readCorpus, runCase, type Case } from './cases.ts';
import { cellsOf } from './raw-client.ts';
import { secretsIn, Stage, textsIn, type Role } from './stage.ts';

export interface MaskingCase extends Case {
  /** Who asks; default `masked`. */
  readonly as?: Role;
  readonly expected: { readonly decision: 'mask' | 'deny' | 'allow' | 'safe'; readonly maskedColumns?: readonly number[] };
}

export interface MaskingOptions {
  readonly skipped?: Readonly<Record<string, string>>;
  /** Refused although the corpus says mask or allow, and why that stays. */
  readonly knownOverDenied?: Readonly<Record<string, string>>;
  /** Default: 15 and 18. */
  readonly versions?: readonly PostgresVersion[];
}

/**
 * Runs a corpus as an identity with every class and strict masks. `mask`: the given columns are masked and the others as they are;
 * `deny`: refused, and nothing changed; `allow`: not refused; `safe`: either, as long as no secret comes out.
 */
export const answersOfMasked = (file: string, { skipped = {}, knownOverDenied = {}, versions = [15, 18] }: MaskingOptions): void => {
  for (const version of versions) {
    const cases = readCorpus<MaskingCase>(file);
    void test(`${file} on PostgreSQL ${version}: no protected value comes out`, { timeout: 280_000 }, async (context) => {
      await using stage = await Stage.start(version, { superuser: false });
      const missed: string[] = [];
      const leaked: string[] = [];
      const overDenied: string[] = [];
      const known: string[] = [];
      const wrong: string[] = [];
      let ran = 0;
      for (const one of cases) {
        if (skipped[one.id] !== undefined || (one.only !== undefined && !one.only.includes(version))) continue;
        ran += 1;
        const { decision, maskedColumns } = one.expected;
        const { before, ran: came, after } = await runCase(stage, one, one.as ?? 'masked');
        const line = `${one.id}: expected ${decision}: ${JSON.stringify(one.sql ?? one.steps).slice(0, 200)}: ${came.said}`;
        // Who has no mask may see everything.
        const secrets = one.as === undefined ? secretsIn(came.client.received) : [];
        if (secrets.length > 0) leaked.push(`${line} LEAKS ${secrets.join(' ')}`);
        if (decision === 'deny' && !came.refused) missed.push(line);
        // Of several steps, those before the refused one may have done their work.
        if (came.refused && before !== after && one.sql !== undefined) wrong.push(`refused and yet changed something: ${line}`);
        if ((decision === 'mask' || decision === 'allow') && came.refused) (knownOverDenied[one.id] === undefined ? overDenied : known).push(line);
        if (decision === 'mask' && !came.refused && one.sql !== undefined && maskedColumns !== undefined) {
          await stage.reset(one.setup);
          const raw = await stage.rows(one.sql);
          const got = came.client.messages.filter(({ type }) => type === 'D').map((row) => cellsOf(row).map((cell) => cell?.toString('utf8') ?? null));
          const problem = compare(raw, got, maskedColumns);
          if (problem !== undefined) wrong.push(`${problem}: ${line}`);
        }
        if (decision === 'mask' && !came.refused && !came.client.messages.some(({ type }) => type === 'D')) wrong.push(`no row came: ${line}`);
      }
      context.diagnostic(`${file} on PostgreSQL ${version}: ${ran} cases run, ${leaked.length} leaks, ${missed.length} missed, ${overDenied.length + known.length} over-denied (${known.length} of them known), ${wrong.length} wrong in another way`);
      const written = [...(await stage.secretsLeftBehind())];
      for await (const { part, bytes } of stage.recorded()) for (const secret of part === 'answer' ? secretsIn(bytes) : textsIn(bytes)) written.push(`recorded ${part}: ${secret}: ${bytes.toString('latin1').slice(0, 150)}`);
      for (const line of [...leaked, ...missed, ...overDenied, ...known, ...wrong, ...written]) context.diagnostic(line);
      assert.deepEqual({ leaked, missed, overDenied, wrong, written }, { leaked: [], missed: [], overDenied: [], wrong: [], written: [] });
    });
  }
};

/** What is wrong with masked rows, held against the raw ones. */
const compare = (raw: readonly (readonly (string | null)[])[], got: readonly (readonly (string | null)[])[], masked: readonly number[]): string | undefined => {
  if (raw.length !== got.length) return `${got.length} rows instead of ${raw.length}`;
  for (const [r, row] of raw.entries()) {
    for (const [c, value] of row.entries()) {
      const cell = got[r]?.[c] ?? null;
      if (masked.includes(c) ? value !== null && cell === value && !/^ok$/.test(value) : cell !== value) return `row ${r}, column ${c} is ${cell}`;
    }
  }
  return undefined;
};
