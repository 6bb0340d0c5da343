import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import type { List } from '../api/lists.ts';
import { DataTable, type Column } from './DataTable.tsx';
import { Loading, Wrong } from './Page.tsx';

/** A list from the server in whichever state it is: on its way, failed, empty, there. */
export function ListView<T extends object>({ list, label, columns, id, empty }: { readonly list: List<T>; readonly label: string; readonly columns: readonly Column<T>[]; readonly id: (row: T) => string; readonly empty: ReactNode }): ReactNode {
  if (list.pending) return <Loading what={label} />;
  return (
    <>
      {list.error !== null && <div className="in-panel"><Wrong error={list.error} retry={list.again} /></div>}
      {list.outdated && <div className="in-panel row"><span className="muted">There is something newer.</span><Button size="compact-sm" variant="default" onClick={list.again}>Show it</Button></div>}
      {(list.error === null || list.rows.length > 0) && <DataTable label={label} rows={list.rows} columns={columns} id={id} empty={empty} more={list.more} />}
    </>
  );
}
