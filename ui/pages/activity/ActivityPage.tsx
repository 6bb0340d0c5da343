import { NativeSelect } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { given, useList } from '../../api/lists.ts';
import type { Activity } from '../../api/types.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { ListView } from '../../parts/ListView.tsx';
import { Head, Nothing, Panel } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Status, type Tone } from '../../parts/Status.tsx';
import { Time } from '../../parts/Time.tsx';
import { oneLine, visible } from '../../parts/visible-text.ts';
import { count } from '../../parts/words.ts';

const route = getRouteApi('/shell/activity');

const KINDS: Readonly<Record<Activity['kind'], { readonly word: string; readonly tone: Tone }>> = {
  access: { word: 'Read', tone: 'info' },
  control: { word: 'Changed', tone: 'off' },
  approval: { word: 'Answered', tone: 'ok' },
  hold: { word: 'Hold', tone: 'wait' },
  purge: { word: 'Purge', tone: 'bad' },
  revocation: { word: 'Revoked', tone: 'bad' },
};

/** Anything else is the name of a channel that approvers were asked through. */
const THROUGH: Readonly<Record<string, string>> = { page: 'this page', terminal: 'a terminal', token: 'an API token', command_line: 'the command line' };

const COLUMNS: readonly Column<Activity>[] = [
  { id: 'act', title: 'What', width: 'minmax(0, 1.3fr)', narrow: 'head', cell: ({ act }) => <strong>{act.replaceAll(/[._]/g, ' ')}</strong> },
  { id: 'kind', title: 'Kind', width: '112px', narrow: 'bare', cell: ({ kind }) => <Status tone={KINDS[kind].tone}>{KINDS[kind].word}</Status> },
  { id: 'by', title: 'Who', width: 'minmax(0, 1.3fr)', cell: ({ by, provider }) => (by === undefined ? <span className="muted">sealed</span> : <><Words>{by}</Words>{provider !== undefined && <span className="muted"> {provider}</span>}</>) },
  { id: 'channel', title: 'Through', width: '112px', cell: ({ channel }) => (channel === undefined ? <span className="muted">–</span> : <Words>{THROUGH[channel] ?? channel}</Words>) },
  { id: 'target', title: 'To what', width: 'minmax(0, 1.4fr)', cell: (row) => <Target of={row} /> },
  { id: 'detail', title: 'Reason or filters', width: 'minmax(0, 2fr)', cell: ({ detail }) => (detail === undefined ? <span className="muted">–</span> : <span title={visible(oneLine(detail, 1000))}><Words>{oneLine(detail, 300)}</Words></span>) },
  { id: 'count', title: 'Records', width: '76px', right: true, cell: ({ count: shown }) => (shown === undefined ? <span className="muted">–</span> : count(shown)) },
  { id: 'at', title: 'At', width: '128px', cell: ({ at }) => <Time at={at} /> },
];

function Target({ of: { target, kind, act } }: { readonly of: Activity }): ReactNode {
  if (target === undefined) return <span className="muted">–</span>;
  if (kind === 'approval') return <Link to="/approvals/$id" params={{ id: target }}><Words>{target}</Words></Link>;
  if (kind === 'access' && (act === 'show' || act === 'replay')) return <Link to="/sessions/$id" params={{ id: target }}><Words>{target}</Words></Link>;
  if (kind === 'revocation' || act.startsWith('identity')) return <Link to="/identities/$name" params={{ name: target }}><Words>{target}</Words></Link>;
  return <Words>{target}</Words>;
}

export function ActivityPage(): ReactNode {
  const { kind } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useList<Activity>(['activity', kind], (gateway, page) => gateway.activity.list({ ...given({ kind: kind as Activity['kind'] | undefined }), ...page }), { recorded: true });
  return (
    <>
      <Head title="Activity" name="Activity" about="What people and their tokens did here: what they read, changed and answered. From the evidence.">
        <NativeSelect aria-label="Kind" data-filter value={kind ?? ''} onChange={({ currentTarget: { value } }) => void navigate({ search: value === '' ? {} : { kind: value } })} data={[{ value: '', label: 'Everything' }, ...Object.entries(KINDS).map(([value, { word }]) => ({ value, label: word }))]} />
      </Head>
      <Panel flush>
        <ListView list={list} label="activity" columns={COLUMNS} id={({ sequence }) => String(sequence)} empty={<Nothing title="Nobody did anything of this kind">Whoever reads a recording, changes or answers something here or in the terminal is listed.</Nothing>} />
      </Panel>
    </>
  );
}
