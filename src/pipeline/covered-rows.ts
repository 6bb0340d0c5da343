/**
 * The most rows that an approval covers, from how many it would change when it was asked for: the next of 1, 2, 5, 10, 20, 50, ... above, so
 * that a few rows more or fewer at the next try are still the same command. Never more than another rule lets through.
 */
export const coveredRows = (rows: number, mostOfAll: number | undefined): number => {
  let step = 1;
  for (let power = 1; step < rows; power *= 10) step = [1, 2, 5, 10].map((factor) => factor * power).find((most) => most >= rows) ?? 10 * power;
  return Math.min(step, mostOfAll ?? step);
};
