import { hashKey, useInfiniteQuery, useQueryClient, type QueryKey } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import type { Client } from '../../src/control/client.ts';
import { gateway } from './gateway.ts';
import { setOutdated, useOutdated } from './live.ts';

const SIZE = 100;

export interface List<T> {
  readonly rows: readonly T[];
  readonly error: unknown;
  /** The first page is not here yet. */
  readonly pending: boolean;
  readonly more: { readonly has: boolean; readonly loading: boolean; readonly load: () => void };
  /** There is something newer, which is not fetched by itself as it would move what is being read. */
  readonly outdated: boolean;
  readonly again: () => void;
}

/** Where a page of a list begins; nothing for the first. */
export interface Cursor {
  readonly cursor?: string;
}

export const FIRST_PAGE: Cursor = {};

interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page; null on the last. */
  readonly next: string | null;
}

/** Where the page after that one begins. */
export const nextOf = ({ next }: { readonly next: string | null }): Cursor | undefined => (next === null ? undefined : { cursor: next });

/** Without what is undefined. */
export const given = <T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };

/**
 * A list that the gateway gives page by page. The key says all that is asked. `recorded`: that it is read stands in the evidence, so it is
 * not read again because somebody came back to the window.
 */
export function useList<T>(key: QueryKey, ask: (client: Client, page: Cursor & { readonly limit: number }) => Promise<Page<T>>, { recorded = false }: { readonly recorded?: boolean } = {}): List<T> {
  const client = useQueryClient();
  // The same question is the same list, whether or not its parts are the same objects.
  const asked = JSON.stringify(key);
  const full = useMemo(() => JSON.parse(asked) as unknown[], [asked]);
  const list = useInfiniteQuery({
    queryKey: full,
    queryFn: ({ pageParam, signal }) => ask(gateway(signal), { limit: SIZE, ...pageParam }),
    initialPageParam: FIRST_PAGE,
    getNextPageParam: nextOf,
    ...(recorded ? { staleTime: 60_000, refetchOnReconnect: false } : {}),
    // A list that is read to the hundredth page is not read again from the first one because the window was left for a moment.
    refetchOnWindowFocus: ({ state }) => !recorded && ((state.data as { readonly pages?: readonly unknown[] } | undefined)?.pages?.length ?? 0) <= 1,
  });
  const { data, fetchNextPage, isFetchingNextPage, hasNextPage, error, isPending, isFetchNextPageError } = list;
  const rows = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data]);
  const load = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const hash = hashKey(full);
  const outdated = useOutdated(hash);
  const again = useCallback(() => {
    setOutdated(hash, false);
    void client.resetQueries({ queryKey: full, exact: true });
  }, [client, full, hash]);
  return {
    rows,
    error,
    pending: isPending,
    // After a failure nothing is asked by scrolling; the error says so, with a button.
    more: { has: hasNextPage && !isFetchNextPageError, loading: isFetchingNextPage, load },
    outdated,
    again,
  };
}
