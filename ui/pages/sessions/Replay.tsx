import { Button, NativeSelect } from '@mantine/core';
import { IconBan, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import { FIRST_PAGE, nextOf } from '../../api/lists.ts';
import type { ReplayFrame } from '../../api/types.ts';
import { Loading, Nothing, Wrong } from '../../parts/Page.tsx';
import { piecesOf } from '../../parts/visible-text.ts';
import { plural } from '../../parts/words.ts';
import { usePlaying } from './playing.ts';

const SPEEDS = ['1', '2', '5', '10', '100'];
/** Frames kept on the screen; what went before is in the timeline. */
const ON_SCREEN = 150;
/** Characters shown of one frame. */
const OF_A_FRAME = 20_000;

/** A session as it went: what was sent, and the answers the client got, masked as they were. */
export function Replay({ session }: { readonly session: string }): ReactNode {
  const replay = useInfiniteQuery({
    queryKey: ['replay', session],
    queryFn: ({ pageParam, signal }) => gateway(signal).sessions.replay({ id: session }, { limit: 200, ...pageParam }),
    initialPageParam: FIRST_PAGE,
    getNextPageParam: nextOf,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const frames = useMemo(() => replay.data?.pages.flatMap(({ items }) => items) ?? [], [replay.data]);
  const [speed, setSpeed] = useState('1');
  const { shown, playing, play, goTo } = usePlaying(frames, Number(speed));
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError } = replay;
  const screen = useRef<HTMLDivElement>(null);

  useEffect(() => {
    // The next frames are fetched before they are due.
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError && shown > frames.length - 50) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, shown, frames.length, fetchNextPage]);
  useEffect(() => {
    const pane = screen.current;
    if (pane) pane.scrollTop = pane.scrollHeight;
  }, [shown]);

  if (replay.isPending) return <Loading what="the replay" />;
  if (frames.length === 0) return replay.error ? <Wrong error={replay.error} retry={() => void replay.refetch()} /> : <Nothing title="Nothing can be replayed">Nothing of this session was recorded, or its records are older than what is kept.</Nothing>;
  const denial = frames.findIndex(({ refused }, at) => refused && at >= shown);
  const first = Math.max(0, shown - ON_SCREEN);
  return (
    <div className="stack">
      <div className="replay-bar">
        <Button size="sm" leftSection={playing ? <IconPlayerPause size={16} aria-hidden /> : <IconPlayerPlay size={16} aria-hidden />} onClick={() => play(!playing)}>{playing ? 'Pause' : 'Play'}</Button>
        <NativeSelect size="sm" aria-label="Speed" value={speed} onChange={(event) => setSpeed(event.currentTarget.value)} data={SPEEDS.map((value) => ({ value, label: `${value}×` }))} />
        <input type="range" className="replay-place" aria-label="Place in the session" min={1} max={frames.length} value={shown} aria-valuetext={`step ${shown} of ${frames.length}`} onChange={(event) => goTo(Number(event.currentTarget.value))} />
        <span className="num small muted">{shown} of {frames.length}{hasNextPage ? '+' : ''}</span>
        <Button size="sm" variant="default" leftSection={<IconBan size={15} aria-hidden />} disabled={denial === -1} onClick={() => goTo(denial + 1)}>Next denial</Button>
      </div>
      {replay.error && <Wrong error={replay.error} retry={() => void fetchNextPage()} />}
      {/* It scrolls: whoever has no mouse must be able to. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="replay-screen" ref={screen} tabIndex={0} role="log" aria-label="Replay" aria-live="off" dir="ltr">
        {first > 0 && <div className="muted">{plural(first, 'step')} before this</div>}
        {frames.slice(first, shown).map((frame, at) => <Frame key={first + at} of={frame} now={first + at === shown - 1} />)}
      </div>
    </div>
  );
}

function Frame({ of, now }: { readonly of: ReplayFrame; readonly now: boolean }): ReactNode {
  const pieces = useMemo(() => piecesOf(of.text.slice(0, OF_A_FRAME)), [of.text]);
  return (
    <div className={`replay-frame replay-${of.refused ? 'refused' : of.kind}${now ? ' replay-now' : ''}`}>
      {pieces.map((piece, at) => (piece.kind === 'text' ? piece.text : <span key={at} className={piece.kind === 'escape' ? 'escape' : 'hidden-value'}>{piece.text}</span>))}
      {of.text.length > OF_A_FRAME && <span className="muted"> … the timeline shows all of it</span>}
    </div>
  );
}
