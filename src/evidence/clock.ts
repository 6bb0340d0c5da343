/** Two clocks: the one on the wall may be set; the monotonic one may not, and tells the order of things within one run. */
export interface EvidenceClock {
  /** Milliseconds since the epoch, an integer. */
  readonly wall: () => number;
  /** Microseconds since some moment of this run, an integer that never goes back. */
  readonly monotonic: () => number;
}

export const systemClock: EvidenceClock = {
  wall: () => Date.now(),
  monotonic: () => Math.floor(performance.now() * 1000),
};

const DAY = 86_400_000;
let dayNumber = Number.NaN;
let dayText = '';

/** The UTC day, `YYYY-MM-DD`. */
export const dayOf = (wall: number): string => {
  const number = Math.floor(wall / DAY);
  if (number !== dayNumber) {
    dayText = new Date(wall).toISOString().slice(0, 10);
    dayNumber = number;
  }
  return dayText;
};
