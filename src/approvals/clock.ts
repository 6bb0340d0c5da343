import type { ApprovalClock } from './ports.ts';

/** Longest that a timer of Node can wait; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The clocks of this machine. */
export const approvalClock: ApprovalClock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, then) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(() => (left > LONGEST_TIMER ? wait(left - LONGEST_TIMER) : then()), Math.min(left, LONGEST_TIMER)).unref();
    };
    wait(Math.ceil(milliseconds));
    return () => clearTimeout(timer);
  },
};
