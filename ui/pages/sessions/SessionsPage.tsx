import { NativeSelect, SegmentedControl } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { given, useList } from '../../api/lists.ts';
import type { CommandHit, SessionSummary } from '../../api/types.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { ListView } from '../../parts/ListView.tsx';
import { Head, Nothing, Panel } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Since, Time } from '../../parts/Time.tsx';
import { span } from '../../parts/times.ts';
import { oneLine } from '../../parts/visible-text.ts';
import { count, objectOf, spaced } from '../../parts/words.ts';
import { FilterForm } from './FilterForm.tsx';
import { isFiltered, queryOf, type Filters } from './filters.ts';
import { Decision, SessionState } from './words.tsx';

const route = getRouteApi('/shell/sessions');

const SESSIONS: readonly Column<SessionSummary>[] = [
  { id: 'identity', title: 'Identity', width: 'minmax(0, 1.6fr)', narrow: 'head', cell: ({ id, identity }) => <Link to="/sessions/$id" params={{ id }} className="row-link">{identity}</Link> },
  { id: 'state', title: 'State', width: '116px', narrow: 'bare', cell: (row) => <SessionState of={row} /> },
  { id: 'connection', title: 'Connection', width: 'minmax(0, 1.2fr)', cell: ({ connection }) => connection },
  { id: 'opened', title: 'Opened', width: '128px', cell: ({ openedAt }) => <Time at={openedAt} /> },
  { id: 'lasted', title: 'Lasted', width: '104px', right: true, narrow: 'none', cell: ({ openedAt, closedAt, live }) => (closedAt === undefined ? (live ? <Since at={openedAt} /> : '–') : span(Date.parse(closedAt) - Date.parse(openedAt))) },
  { id: 'commands', title: 'Commands', width: '84px', right: true, cell: ({ commands }) => count(commands) },
  { id: 'refused', title: 'Refused', width: '72px', right: true, cell: ({ refused }) => (refused > 0 ? <strong className="refused">{count(refused)}</strong> : '0') },
  { id: 'peer', title: 'From', width: 'minmax(0, 1.4fr)', narrow: 'none', cell: ({ peer }) => <span className="num">{peer}</span> },
];

const COMMANDS: readonly Column<CommandHit>[] = [
  { id: 'what', title: 'Command', width: 'minmax(0, 3fr)', narrow: 'head', cell: (row) => <Hit of={row} /> },
  { id: 'decision', title: 'Decision', width: 'minmax(150px, auto)', narrow: 'bare', cell: ({ decision }) => <Decision of={decision} /> },
  { id: 'identity', title: 'Identity', width: 'minmax(0, 1.2fr)', cell: ({ identity }) => identity ?? <span className="muted">not known</span> },
  { id: 'connection', title: 'Connection', width: 'minmax(0, 1fr)', cell: ({ connection }) => connection ?? <span className="muted">–</span> },
  { id: 'rows', title: 'Rows', width: '80px', right: true, cell: ({ rows }) => (rows === null ? '–' : count(rows)) },
  { id: 'at', title: 'At', width: '128px', cell: ({ at }) => <Time at={at} /> },
];

function Hit({ of: { session, command, verbs, objects, texts } }: { readonly of: CommandHit }): ReactNode {
  const statement = texts.find(({ part }) => part === 'statement')?.text;
  const words = statement === undefined ? `${spaced(verbs[0] ?? 'command')} ${objects.slice(0, 2).map((object) => objectOf(object).name).join(', ')}` : oneLine(statement);
  const shown = statement === undefined ? words : <code><Words>{words}</Words></code>;
  return session === undefined ? shown : <Link to="/sessions/$id" params={{ id: session }} search={command === undefined ? {} : { command: String(command) }} className="row-link">{shown}</Link>;
}

export function SessionsPage(): ReactNode {
  const filters: Filters = route.useSearch();
  const navigate = route.useNavigate();
  const commands = filters.view === 'commands';
  const go = (next: Filters): void => void navigate({ search: { ...next, ...(commands ? { view: 'commands' } : filters.state === undefined ? {} : { state: filters.state }) } });
  return (
    <>
      <Head title="Sessions" name="Sessions" about="What machines did: live and past, from the evidence.">
        {!commands && <NativeSelect aria-label="State" value={filters.state ?? 'all'} onChange={({ currentTarget: { value } }) => { const { state: _, ...rest } = filters; void navigate({ search: value === 'all' ? rest : { ...rest, state: value } }); }} data={[{ value: 'all', label: 'Live and past' }, { value: 'live', label: 'Live' }, { value: 'past', label: 'Past' }]} />}
        <SegmentedControl aria-label="What is listed" value={commands ? 'commands' : 'sessions'} onChange={(value) => { const { state: _, view: __, ...rest } = filters; void navigate({ search: value === 'commands' ? { ...rest, view: 'commands' } : rest }); }} data={[{ value: 'sessions', label: 'Sessions' }, { value: 'commands', label: 'Commands' }]} />
      </Head>
      <Panel flush>
        <FilterForm filters={filters} onSearch={go} />
        {commands ? <CommandTable filters={filters} /> : <SessionTable filters={filters} />}
      </Panel>
    </>
  );
}

function SessionTable({ filters }: { readonly filters: Filters }): ReactNode {
  // What is searched in texts is recorded: not repeated because something changed.
  const recorded = filters.text !== undefined;
  const query = { ...queryOf(filters), ...given({ state: filters.state as 'live' | 'past' | undefined }) };
  const list = useList<SessionSummary>([recorded ? 'search' : 'sessions', query], (gateway, page) => gateway.sessions.list({ ...query, ...page }), { recorded });
  return <ListView list={list} label="sessions" columns={SESSIONS} id={({ id }) => id} empty={<Empty filters={filters} what="sessions" />} />;
}

function CommandTable({ filters }: { readonly filters: Filters }): ReactNode {
  const query = queryOf(filters);
  const list = useList<CommandHit>(['search', 'commands', query], (gateway, page) => gateway.commands.search({ ...query, ...page }), { recorded: true });
  return <ListView list={list} label="commands" columns={COMMANDS} id={({ sequence }) => String(sequence)} empty={<Empty filters={filters} what="commands" />} />;
}

function Empty({ filters, what }: { readonly filters: Filters; readonly what: string }): ReactNode {
  if (isFiltered(filters)) return <Nothing title={`No ${what} match`}>Fewer filters find more. Names must be whole; <code>*</code> stands for any characters.</Nothing>;
  if (filters.state === 'live') return <Nothing title="No session is open">As soon as a machine connects through the gateway, it shows here.</Nothing>;
  return <Nothing title={`No ${what} yet`}>Point a client at the address of a connection, with its token as the password. <Link to="/connections">Connections and their addresses</Link></Nothing>;
}
