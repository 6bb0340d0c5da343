/** Work of one owner, in stretches; the next one takes its turn when it was the owner's. */
type Line = (() => boolean)[];

/** By owner, in the order of their turns. */
const waiting = new Map<string, Line>();

/**
 * Does work that takes its time in the stretches between which it yields. The first is done at once; what is left takes turns: one stretch for each turn of
 * the event loop, so that whatever else the gateway does goes on beside it, and one owner after another, however much each of them has brought.
 */
export const inTurns = <Result>(owner: string, work: Iterator<unknown, Result>): Result | Promise<Result> => {
  const first = work.next();
  if (first.done === true) return first.value;
  return new Promise((resolve, reject) => {
    add(owner, () => {
      try {
        const { done, value } = work.next();
        if (done === true) resolve(value);
        return done === true;
      } catch (error) {
        reject(error instanceof Error ? error : new Error('the work failed'));
        return true;
      }
    });
  });
};

const add = (owner: string, stretch: () => boolean): void => {
  const line = waiting.get(owner);
  if (line) line.push(stretch);
  else {
    waiting.set(owner, [stretch]);
    if (waiting.size === 1) setImmediate(turn);
  }
};

const turn = (): void => {
  const [next] = waiting;
  if (!next) return;
  const [owner, line] = next;
  // The first of an owner to its end before the second: it is done sooner, and the second no later.
  if (line[0]?.() === true) line.shift();
  waiting.delete(owner);
  if (line.length > 0) waiting.set(owner, line);
  if (waiting.size > 0) setImmediate(turn);
};

/** What of an owner is done one after another, by its last. */
const lasts = new Map<string, Promise<void>>();

/** Does work when all that the same owner brought before is done: what it takes room for, it takes once. */
export const alone = <Result>(owner: string, work: () => Promise<Result>): Promise<Result> => {
  const mine = (lasts.get(owner) ?? Promise.resolve()).then(work);
  const cleared = (): void => {
    if (lasts.get(owner) === over) lasts.delete(owner);
  };
  const over = mine.then(cleared, cleared);
  lasts.set(owner, over);
  return mine;
};
