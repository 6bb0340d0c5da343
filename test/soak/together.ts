/** So many at the same time, each by its number. @returns what they say, in order */
export const together = async <T>(count: number, one: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, n) => one(n)));

/** The same, for work that says how many commands it sent. @returns the sum */
export const counted = async (count: number, work: (n: number) => Promise<number>): Promise<number> => (await together(count, work)).reduce((sum, each) => sum + each, 0);
