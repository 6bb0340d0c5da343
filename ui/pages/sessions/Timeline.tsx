import { Button } from '@mantine/core';
import { IconBan } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import { FIRST_PAGE, nextOf } from '../../api/lists.ts';
import type { TimelineEntry } from '../../api/types.ts';
import { Loading, Nothing, Wrong } from '../../parts/Page.tsx';
import { plural } from '../../parts/words.ts';
import { Step } from './Step.tsx';
import './timeline.css';

const SIZE = 100;

/**
 * A session step by step. Each page that is read is recorded as an access, so nothing is read again by itself: of a live session what is
 * new is fetched when asked for.
 */
export function Timeline({ session, live, refused, command }: { readonly session: string; readonly live: boolean; readonly refused: number; readonly command: number | undefined }): ReactNode {
  const steps = useInfiniteQuery({
    queryKey: ['timeline', session],
    queryFn: ({ pageParam, signal }) => gateway(signal).sessions.timeline({ id: session }, { limit: SIZE, ...pageParam }),
    initialPageParam: FIRST_PAGE,
    getNextPageParam: nextOf,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const entries = useMemo(() => steps.data?.pages.flatMap(({ items }) => items) ?? [], [steps.data]);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = steps;
  const [marked, setMarked] = useState<number>();
  const list = useRef<HTMLOListElement>(null);

  const show = useCallback((sequence: number): void => {
    setMarked(sequence);
    requestAnimationFrame(() => {
      const step = list.current?.querySelector<HTMLElement>(`[data-sequence="${sequence}"]`);
      step?.scrollIntoView({ block: 'center' });
      step?.focus({ preventScroll: true });
    });
  }, []);

  /** Finds the next step that is like that, after the marked one, in what is loaded and then in what is not. */
  const seek = useCallback(async (like: (entry: TimelineEntry) => boolean): Promise<boolean> => {
    const after = marked ?? -1;
    let known = entries;
    for (;;) {
      const found = known.find((entry) => entry.sequence > after && like(entry));
      if (found) {
        show(found.sequence);
        return true;
      }
      const { data, hasNextPage: more, error } = await fetchNextPage();
      const all = data?.pages.flatMap(({ items }) => items) ?? [];
      if (error !== null || all.length <= known.length) return false;
      known = all;
      if (!more && !known.some((entry) => entry.sequence > after && like(entry))) return false;
    }
  }, [entries, marked, fetchNextPage, show]);

  // A link to one command of the session.
  const sought = useRef(false);
  useEffect(() => {
    if (command === undefined || sought.current || entries.length === 0) return;
    sought.current = true;
    void seek((entry) => entry.command === command);
  }, [command, entries.length, seek]);

  const denial = async (): Promise<void> => {
    if (!(await seek(({ kind }) => kind === 'refused'))) setMarked(undefined);
  };

  if (steps.isPending) return <Loading what="the timeline" />;
  if (entries.length === 0) return steps.error ? <Wrong error={steps.error} retry={() => void steps.refetch()} /> : <Nothing title="Nothing is recorded of it">The records of this session are older than what is kept.</Nothing>;
  return (
    <div className="stack">
      <div className="row spread">
        <span className="muted small">{plural(entries.length, 'step')}{hasNextPage ? ' so far' : ''}. That you read this is recorded.</span>
        <span className="row">
          {refused > 0 && <Button size="compact-sm" variant="default" leftSection={<IconBan size={14} aria-hidden />} loading={isFetchingNextPage} onClick={() => void denial()}>Next denial</Button>}
          {live && <Button size="compact-sm" variant="default" loading={steps.isRefetching} onClick={() => void steps.refetch()}>Read what is new</Button>}
        </span>
      </div>
      <ol className="timeline" ref={list}>
        {entries.map((entry) => <Step key={entry.sequence} of={entry} session={session} marked={entry.sequence === marked} />)}
      </ol>
      {steps.error && <Wrong error={steps.error} retry={() => void fetchNextPage()} />}
      {hasNextPage && !steps.error && <div><Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>Show the next {SIZE} steps</Button></div>}
    </div>
  );
}
