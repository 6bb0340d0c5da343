import { Button, SegmentedControl } from '@mantine/core';
import { IconPlugConnectedX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { SessionSummary } from '../../api/types.ts';
import { Facts, Head, Loading, Panel, Wrong } from '../../parts/Page.tsx';
import { ReasonDialog } from '../../parts/ReasonDialog.tsx';
import { Note } from '../../parts/Status.tsx';
import { FullTime } from '../../parts/Time.tsx';
import { span } from '../../parts/times.ts';
import { tell } from '../../parts/Toasts.tsx';
import { count } from '../../parts/words.ts';
import { useMay } from '../../shell/session.ts';
import { Replay } from './Replay.tsx';
import { Timeline } from './Timeline.tsx';
import { SessionState } from './words.tsx';

const route = getRouteApi('/shell/sessions/$id');

export function SessionPage(): ReactNode {
  const { id } = route.useParams();
  const { view = 'timeline', command } = route.useSearch();
  const navigate = route.useNavigate();
  const mayRead = useMay('auditor', 'admin');
  const mayEnd = useMay('admin');
  const [ending, setEnding] = useState(false);
  const client = useQueryClient();
  const session = useQuery({ queryKey: ['sessions', 'one', id], queryFn: ({ signal }) => gateway(signal).sessions.show({ id }) });
  const back = { to: '/sessions', label: 'Sessions' } as const;
  if (!session.data) {
    return (
      <>
        <Head title="Session" name="Session" back={back} />
        {session.error ? <Wrong error={session.error} retry={() => void session.refetch()} /> : <Loading what="the session" />}
      </>
    );
  }
  const of = session.data;
  return (
    <>
      <Head title={<>{of.identity} on {of.connection}</>} name={`${of.identity} on ${of.connection}`} back={back} about={<span className="row"><SessionState of={of} /><code>{of.id}</code></span>}>
        {mayEnd && of.live && <Button color="red" variant="outline" leftSection={<IconPlugConnectedX size={16} aria-hidden />} onClick={() => setEnding(true)}>Terminate</Button>}
      </Head>
      <div className="stack">
        {session.error && <Wrong error={session.error} retry={() => void session.refetch()} />}
        <Panel><SessionFacts of={of} /></Panel>
        {mayRead ? (
          <Panel
            title={view === 'replay' ? 'Replay' : 'Timeline'}
            side={<SegmentedControl size="xs" aria-label="How it is shown" value={view} onChange={(value) => void navigate({ search: value === 'replay' ? { view: 'replay' } : {} })} data={[{ value: 'timeline', label: 'Timeline' }, { value: 'replay', label: 'Replay' }]} />}
          >
            {view === 'replay' ? <Replay session={id} /> : <Timeline session={id} live={of.live} refused={of.refused} command={command === undefined ? undefined : Number(command)} />}
          </Panel>
        ) : <Note tone="info" title="Statements and answers are for auditors">To read what was said takes the role auditor or admin. Each reading is recorded.</Note>}
      </div>
      {ending && (
        <ReasonDialog
          title="Terminate this session?"
          about={<>The connection of <strong>{of.identity}</strong> is cut at once; what its open transaction did is rolled back by the target. It may connect again: to keep it out, revoke the <Link to="/identities/$name" params={{ name: of.identity }}>identity</Link>.</>}
          act="Terminate"
          onClose={() => setEnding(false)}
          onDone={async (reason) => {
            await gateway().sessions.terminate({ id }, { reason });
            tell('ok', 'The session was terminated');
            await client.invalidateQueries({ queryKey: ['sessions'] });
          }}
        />
      )}
    </>
  );
}

function SessionFacts({ of }: { readonly of: SessionSummary }): ReactNode {
  return (
    <Facts
      of={[
        ['Identity', <Link to="/identities/$name" params={{ name: of.identity }}>{of.identity}</Link>],
        ['Connection', <><Link to="/connections/$name" params={{ name: of.connection }}>{of.connection}</Link> <span className="muted">({of.protocol})</span></>],
        ['From', <span className="num">{of.peer}</span>],
        ['Opened', <FullTime at={of.openedAt} />],
        ['Ended', of.closedAt === undefined ? <span className="muted">{of.live ? 'not yet' : 'not recorded'}</span> : <><FullTime at={of.closedAt} /> <span className="muted">after {span(Date.parse(of.closedAt) - Date.parse(of.openedAt))}</span></>],
        ['Commands', <span className="num">{count(of.commands)} let through, <span className={of.refused > 0 ? 'refused' : ''}>{count(of.refused)} refused</span></span>],
      ]}
    />
  );
}
