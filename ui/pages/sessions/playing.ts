import { useCallback, useEffect, useState } from 'react';
import type { ReplayFrame } from '../../api/types.ts';

/** Longer silences are cut to this before the speed is applied: nobody watches a session sleep. */
const LONGEST_SILENCE = 5000;

/** How long the frame at `index` is waited for, after the one before it. */
export function waitBefore(frames: readonly ReplayFrame[], index: number, speed: number): number {
  const [before, frame] = [frames[index - 1], frames[index]];
  if (!before || !frame) return 0;
  return Math.min(LONGEST_SILENCE, Math.max(0, frame.at - before.at)) / speed;
}

export interface Playing {
  /** How many frames are shown. */
  readonly shown: number;
  readonly playing: boolean;
  readonly play: (on: boolean) => void;
  readonly goTo: (shown: number) => void;
}

/** Shows frames one after another, as far apart as they were. */
export function usePlaying(frames: readonly ReplayFrame[], speed: number): Playing {
  const [shown, setShown] = useState(1);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing || shown >= frames.length) return undefined;
    const timer = setTimeout(() => setShown((before) => Math.min(frames.length, before + 1)), waitBefore(frames, shown, speed));
    return () => clearTimeout(timer);
  }, [playing, shown, frames, speed]);
  const play = useCallback((on: boolean): void => {
    if (on) setShown((before) => (before >= frames.length ? 1 : before));
    setPlaying(on);
  }, [frames.length]);
  const goTo = useCallback((next: number): void => {
    setPlaying(false);
    setShown(Math.max(1, Math.min(frames.length, next)));
  }, [frames.length]);
  return { shown: Math.min(shown, Math.max(1, frames.length)), playing: playing && shown < frames.length, play, goTo };
}
