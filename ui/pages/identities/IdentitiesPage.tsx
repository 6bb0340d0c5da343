import { Button, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { given, useList } from '../../api/lists.ts';
import type { IdentitySummary } from '../../api/types.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { ListView } from '../../parts/ListView.tsx';
import { Head, Nothing, Panel } from '../../parts/Page.tsx';
import { Status } from '../../parts/Status.tsx';
import { Ago } from '../../parts/Time.tsx';
import { count } from '../../parts/words.ts';

const route = getRouteApi('/shell/identities');

export function IdentityState({ of }: { readonly of: Pick<IdentitySummary, 'revoked' | 'configured' | 'live'> }): ReactNode {
  if (of.revoked) return <Status tone="bad">Revoked</Status>;
  if (!of.configured) return <Status tone="off">Not configured</Status>;
  return of.live > 0 ? <Status tone="ok">{count(of.live)} live</Status> : <Status tone="off">Idle</Status>;
}

const COLUMNS: readonly Column<IdentitySummary>[] = [
  { id: 'name', title: 'Identity', width: 'minmax(0, 1.5fr)', narrow: 'head', cell: ({ name }) => <Link to="/identities/$name" params={{ name }} className="row-link">{name}</Link> },
  { id: 'state', title: 'State', width: '130px', narrow: 'bare', cell: (row) => <IdentityState of={row} /> },
  { id: 'owner', title: 'Owner', width: 'minmax(0, 1.2fr)', cell: ({ owner }) => owner.group ?? owner.contact ?? <Status tone="wait">Nobody</Status> },
  { id: 'purpose', title: 'Purpose', width: 'minmax(0, 2fr)', cell: ({ purpose }) => purpose ?? <span className="muted">–</span> },
  { id: 'provider', title: 'Provider', width: 'minmax(0, 0.9fr)', narrow: 'none', cell: ({ provider }) => provider },
  { id: 'last', title: 'Last use', width: '110px', cell: ({ lastUse }) => (lastUse === undefined ? <span className="muted">never</span> : <Ago at={lastUse} />) },
];

export function IdentitiesPage(): ReactNode {
  const { text } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useList<IdentitySummary>(['identities', 'list', text], (gateway, page) => gateway.identities.list({ ...given({ text }), ...page }));
  return (
    <>
      <Head title="Identities" name="Identities" about="Machines: who answers for them, what they are for, when they were last here." />
      <Panel flush>
        <form key={text} role="search" className="filters" onSubmit={(event) => { event.preventDefault(); const given = new FormData(event.currentTarget).get('text'); void navigate({ search: typeof given === 'string' && given.trim() !== '' ? { text: given.trim() } : {} }); }}>
          <TextInput className="filter-wide" data-filter name="text" label="Name, owner or purpose" defaultValue={text} maxLength={200} leftSection={<IconSearch size={15} aria-hidden />} autoComplete="off" />
          <div className="row filter-own"><Button type="submit">Search</Button>{text !== undefined && <Button variant="subtle" onClick={() => void navigate({ search: {} })}>Clear</Button>}</div>
        </form>
        <ListView list={list} label="identities" columns={COLUMNS} id={({ name }) => name} empty={text === undefined ? <Nothing title="No identities yet">Write them under <code>identities</code> in the configuration.</Nothing> : <Nothing title="No identity matches">Part of a name, an owner or a purpose finds it.</Nothing>} />
      </Panel>
    </>
  );
}
