import { SegmentedControl } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useList } from '../../api/lists.ts';
import type { ApprovalState, ApprovalSummary } from '../../api/types.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { ListView } from '../../parts/ListView.tsx';
import { Head, Nothing, Panel } from '../../parts/Page.tsx';
import { Ago, Time } from '../../parts/Time.tsx';
import { quorum, State, STATES, whatItDoes } from './words.tsx';

const route = getRouteApi('/shell/approvals');

const COLUMNS: readonly Column<ApprovalSummary>[] = [
  { id: 'what', title: 'Command', width: 'minmax(0, 2fr)', narrow: 'head', cell: (row) => <Link to="/approvals/$id" params={{ id: row.id }} className="row-link">{whatItDoes(row)}</Link> },
  { id: 'state', title: 'State', width: 'minmax(112px, auto)', narrow: 'bare', cell: (row) => <State of={row} /> },
  { id: 'identity', title: 'Identity', width: 'minmax(0, 1.2fr)', cell: ({ identity }) => identity },
  { id: 'connection', title: 'Connection', width: 'minmax(0, 1fr)', cell: ({ connection }) => connection },
  { id: 'people', title: 'People', width: '70px', right: true, cell: (row) => `${quorum(row).given} of ${quorum(row).needed}` },
  { id: 'asked', title: 'Asked', width: '116px', cell: ({ askedAt }) => <Time at={askedAt} /> },
  { id: 'expires', title: 'Expires', width: '104px', cell: ({ state, expiresAt }) => (state === 'pending' || state === 'approved' ? <Ago at={expiresAt} /> : <span className="muted">–</span>) },
];

const CHOICES = [{ value: 'pending', label: 'Waiting' }, { value: 'approved', label: 'Approved' }, { value: 'all', label: 'All' }, { value: 'exceptions', label: 'Forced' }];

export function ApprovalsPage(): ReactNode {
  const { state = 'pending' } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useList<ApprovalSummary>(['approvals', state], (gateway, page) => gateway.approvals.list(state === 'all' ? page : state === 'exceptions' ? { exceptions: 'only', ...page } : { state: state as ApprovalState, ...page }));
  return (
    <>
      <Head title="Approvals" name="Approvals" about="Commands that wait until people have answered. Each answer is for exactly one command, and is recorded.">
        <SegmentedControl aria-label="Which" value={state} onChange={(value) => void navigate({ search: value === 'pending' ? {} : { state: value } })} data={CHOICES.some(({ value }) => value === state) ? CHOICES : [...CHOICES, { value: state, label: STATES[state as ApprovalState]?.word ?? state }]} />
      </Head>
      <Panel flush>
        <ListView
          list={list}
          label="approvals"
          columns={COLUMNS}
          id={({ id }) => id}
          empty={
            state === 'pending'
              ? <Nothing title="Nothing waits for an answer">When a policy asks for approval of a command, it shows here at once. <Link to="/approvals" search={{ state: 'all' }}>All requests so far</Link></Nothing>
              : <Nothing title="No such requests">{state === 'exceptions' ? 'Nobody has used break-glass' : 'No command has asked for approval'}{state === 'exceptions' ? ': no command ran on one person’s word alone.' : state === 'all' ? ' yet. A rule with require_approval makes commands wait for people.' : ' and is in this state.'}</Nothing>
          }
        />
      </Panel>
    </>
  );
}
