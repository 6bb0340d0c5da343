/** Does so many pieces of work, so many of them at a time. Throws what the first one throws that fails. */
export const atATime = async (many: number, total: number, work: (nth: number) => Promise<void>): Promise<void> => {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(many, total) }, async () => {
    while (next < total) await work(next++);
  }));
};
