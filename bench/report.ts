import { median, type Paired } from './rounds.ts';

/** What a row must reach, as the median ratio to the first contender. */
export interface Goal {
  readonly contender: string;
  readonly against?: string;
  readonly atLeast: number;
}

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly paired: readonly Paired[];
  readonly goals: readonly Goal[];
}

const fixed = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : 'failed');

/** Ratio of two contenders, paired round by round. */
const ratioOf = (row: Row, contender: string, against: string): number => {
  const one = row.paired.find(({ name }) => name === contender);
  const other = row.paired.find(({ name }) => name === against);
  return median((one?.rates ?? []).map((rate, round) => rate / (other?.rates[round] ?? NaN)));
};

/** A row as text: for each contender the median ratio with its spread, the median rate, and what was to be reached. */
export const printRow = (row: Row): string => {
  const lines = [`\n${row.what}`];
  const [base] = row.paired;
  for (const { name, rates, ratios } of row.paired) {
    const spread = `[${fixed(Math.min(...ratios))} .. ${fixed(Math.max(...ratios))}]`;
    lines.push(`  ${name.padEnd(34)} ${fixed(median(ratios)).padStart(6)} ${spread.padEnd(18)} ${Math.round(median(rates)).toLocaleString('en-US').padStart(10)} ${row.unit}`);
  }
  for (const { contender, against = base?.name ?? '', atLeast } of row.goals) {
    const reached = ratioOf(row, contender, against);
    lines.push(`  goal: ${contender} at least ${atLeast} of ${against}: ${fixed(reached)} ${reached >= atLeast ? 'reached' : `MISSED by ${fixed(atLeast - reached)}`}`);
  }
  return lines.join('\n');
};
