import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { ConnectionView } from '../../api/types.ts';
import { DataTable, type Column } from '../../parts/DataTable.tsx';
import { Head, Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Status } from '../../parts/Status.tsx';
import { Ago } from '../../parts/Time.tsx';
import { count } from '../../parts/words.ts';

const COLUMNS: readonly Column<ConnectionView>[] = [
  { id: 'name', title: 'Connection', width: 'minmax(0, 1.4fr)', narrow: 'head', cell: ({ name }) => <Link to="/connections/$name" params={{ name }} className="row-link">{name}</Link>, value: ({ name }) => name },
  { id: 'live', title: 'Sessions', width: '96px', narrow: 'bare', cell: ({ live }) => (live > 0 ? <Status tone="ok">{count(live)} live</Status> : <Status tone="off">Idle</Status>), value: ({ live }) => live },
  { id: 'protocol', title: 'Protocol', width: '100px', narrow: 'none', cell: ({ protocol }) => protocol, value: ({ protocol }) => protocol },
  { id: 'listen', title: 'Clients connect to', width: 'minmax(0, 1.2fr)', cell: ({ listen }) => <code>{listen}</code> },
  { id: 'target', title: 'Leads to', width: 'minmax(0, 1.6fr)', cell: ({ target }) => <code>{target.database === undefined ? target.address : `${target.address}/${target.database}`}</code> },
  { id: 'commands', title: 'Commands, 24 h', width: '120px', right: true, cell: ({ commands }) => count(commands), value: ({ commands }) => commands },
  { id: 'refused', title: 'Refused', width: '80px', right: true, cell: ({ refused }) => (refused > 0 ? <strong className="refused">{count(refused)}</strong> : '0'), value: ({ refused }) => refused },
  { id: 'last', title: 'Last use', width: '104px', cell: ({ lastUse }) => (lastUse === undefined ? <span className="muted">never</span> : <Ago at={lastUse} />), value: ({ lastUse }) => (lastUse === undefined ? 0 : Date.parse(lastUse)) },
];

export function ConnectionsPage(): ReactNode {
  const connections = useQuery({ queryKey: ['connections', 'list'], queryFn: ({ signal }) => gateway(signal).connections.list() });
  return (
    <>
      <Head title="Connections" name="Connections" about="What machines can reach through this gateway. Their credentials are nowhere on this page." />
      {connections.error && <Wrong error={connections.error} retry={() => void connections.refetch()} />}
      {connections.isPending && <Loading what="the connections" />}
      {connections.data && (
        <Panel flush>
          <DataTable label="connections" rows={connections.data.items} columns={COLUMNS} id={({ name }) => name} empty={<Nothing title="No connections yet">Write one under <code>connections</code> in the configuration: where clients connect, and what it leads to.</Nothing>} />
        </Panel>
      )}
    </>
  );
}
