import { Button } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { createSortedRowModel, rowSortingFeature, sortFn_alphanumeric, tableFeatures, useTable, type ColumnDef, type Header } from '@tanstack/react-table';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import './table.css';

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** Width as a track of a CSS grid: `120px`, `minmax(0, 2fr)`. */
  readonly width: string;
  readonly cell: (row: T) => ReactNode;
  /** Makes the column sortable. Only for lists that are here as a whole. */
  readonly value?: (row: T) => string | number;
  readonly right?: boolean;
  /** On a narrow screen: the first line of the row's card, without its title, or not at all. Else a line with its title. */
  readonly narrow?: 'head' | 'bare' | 'none';
}

interface Props<T> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly id: (row: T) => string;
  /** What is shown when there is no row. */
  readonly empty: ReactNode;
  /** The next rows, from the server. */
  readonly more?: { readonly has: boolean; readonly loading: boolean; readonly load: () => void };
  readonly sort?: { readonly id: string; readonly desc: boolean };
}

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel(), sortFns: { alphanumeric: sortFn_alphanumeric } });
type Features = typeof features;
const NARROW = '(max-width: 760px)';
const ROW = 41;
const CARD = 104;

/**
 * A list as a table; as cards where the screen is narrow. Only the rows in sight are in the document, so a hundred thousand scroll like
 * ten. It scrolls with the window: no second scroll bar, and the keys of the browser work.
 */
export function DataTable<T extends object>({ label, rows, columns, id, empty, more, sort }: Props<T>): ReactNode {
  const narrow = useMedia(NARROW);
  const definitions = useMemo(
    () => columns.map((column): ColumnDef<Features, T> => ({ id: column.id, header: column.title, cell: ({ row }) => column.cell(row.original), ...(column.value ? { accessorFn: column.value, sortFn: 'alphanumeric' as const } : { accessorFn: () => '', enableSorting: false }) })),
    [columns],
  );
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable({ features, columns: definitions, data, getRowId: id, initialState: { sorting: sort ? [sort] : [] }, enableSortingRemoval: false });
  const sorted = table.getRowModel().rows;
  const body = useRef<HTMLDivElement>(null);
  const isEmpty = rows.length === 0;
  const offset = useOffset(body, isEmpty);
  // oxlint-disable-next-line react/incompatible-library -- this project does not use the compiler
  const virtual = useWindowVirtualizer({ count: sorted.length, estimateSize: () => (narrow ? CARD : ROW), overscan: 12, scrollMargin: offset, getItemKey: (index) => sorted[index]?.id ?? index });
  const items = virtual.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? -1;
  const load = more?.load;
  const wanted = more !== undefined && more.has && !more.loading && lastSeen >= sorted.length - 15;
  useEffect(() => {
    if (wanted) load?.();
  }, [wanted, load, sorted.length]);

  if (isEmpty) return empty;
  const tracks = columns.map(({ width }) => width).join(' ');
  return (
    <>
      <div className={narrow ? 'table table-narrow' : 'table'} role="table" aria-label={label} aria-rowcount={more?.has === true ? -1 : sorted.length + 1} style={{ '--tracks': tracks } as React.CSSProperties}>
        <div role="rowgroup" className="table-head">
          {table.getHeaderGroups().map((group) => (
            <div key={group.id} role="row" className="table-row" aria-rowindex={1}>
              {group.headers.map((header) => <HeadCell key={header.id} header={header} column={columns.find((one) => one.id === header.id) as Column<T>} />)}
            </div>
          ))}
        </div>
        <div role="rowgroup" ref={body} className="table-body" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = sorted[item.index];
            return row && (
              <div key={item.key} role="row" className="table-row table-line" ref={virtual.measureElement} data-index={item.index} aria-rowindex={item.index + 2} style={{ transform: `translateY(${item.start - offset}px)` }}>
                {columns.map((column) => (
                  <div key={column.id} role="cell" className={`cell ${column.right === true ? 'cell-right num' : ''} cell-${column.narrow ?? 'line'}`}>
                    {narrow && column.narrow === undefined && <span className="cell-title" aria-hidden>{column.title}</span>}
                    <div className="cell-value">{column.cell(row.original)}</div>
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {more !== undefined && more.has && <div className="table-more"><Button size="compact-sm" variant="default" loading={more.loading} onClick={more.load}>Load more</Button></div>}
    </>
  );
}

function HeadCell<T extends object>({ header, column }: { readonly header: Header<Features, T>; readonly column: Column<T> }): ReactNode {
  const name = `cell ${column.right === true ? 'cell-right' : ''}`;
  if (column.value === undefined) return <div role="columnheader" className={name}>{column.title}</div>;
  const sorted = header.column.getIsSorted();
  return (
    <div role="columnheader" className={name} aria-sort={sorted === false ? 'none' : sorted === 'asc' ? 'ascending' : 'descending'}>
      <button type="button" className="table-sort" onClick={header.column.getToggleSortingHandler()}>
        {column.title}
        {sorted === 'asc' && <IconArrowUp size={13} aria-hidden />}
        {sorted === 'desc' && <IconArrowDown size={13} aria-hidden />}
      </button>
    </div>
  );
}

/** How far from the top of the document an element begins; measured again when anything above it grows or shrinks. */
function useOffset(of: React.RefObject<HTMLElement | null>, gone: boolean): number {
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => {
      const top = of.current?.getBoundingClientRect().top;
      if (top !== undefined) setOffset(Math.round(top + window.scrollY));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [of, gone]);
  return offset;
}

/** Whether the screen is like that, now and after it changed. */
function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = (): void => setMatches(list.matches);
    changed();
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, [query]);
  return matches;
}
