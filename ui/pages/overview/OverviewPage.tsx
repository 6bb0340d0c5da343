import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useLiveState } from '../../api/live.ts';
import { A_DAY, overviewQuery } from '../../api/overview.ts';
import type { Overview } from '../../api/types.ts';
import { EvidenceChain } from '../../charts/EvidenceChain.tsx';
import { HoursChart } from '../../charts/HoursChart.tsx';
import { ShareBars } from '../../charts/ShareBars.tsx';
import { Head, Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Note } from '../../parts/Status.tsx';
import { Ago } from '../../parts/Time.tsx';
import { count, plural } from '../../parts/words.ts';
import { useMay } from '../../shell/session.ts';
import { refusalWord } from '../sessions/words.tsx';
import './overview.css';

export function OverviewPage(): ReactNode {
  const [hours, setHours] = useState(A_DAY);
  const live = useLiveState();
  // What is not told by an event (an hour that begins, an age that grows) is asked for now and then; more often when nothing is told.
  const overview = useQuery({ ...overviewQuery(hours), refetchInterval: live === 'live' ? 30_000 : 10_000, placeholderData: (before) => before });
  const of = overview.data;
  return (
    <>
      <Head title="Overview" name="Overview" about={of && <>As of <Ago at={of.at} /></>}>
        <SegmentedControl aria-label="Period" value={String(hours)} onChange={(value) => setHours(Number(value))} data={[{ value: '24', label: '24 hours' }, { value: '72', label: '3 days' }, { value: '168', label: '7 days' }]} />
      </Head>
      <div className="stack">
        {overview.error && <Wrong error={overview.error} retry={() => void overview.refetch()} />}
        {of ? <Body of={of} /> : !overview.error && <Loading what="the overview" />}
      </div>
    </>
  );
}

function Body({ of }: { readonly of: Overview }): ReactNode {
  const mayAnswer = useMay('approver');
  const seesApprovals = useMay('admin', 'approver', 'auditor');
  const refused = of.hours.reduce((sum, hour) => sum + hour.refused, 0);
  return (
    <>
      {of.problems.map((problem) => <Note key={problem} tone="bad">{problem}</Note>)}
      {of.evidence.late.map((late) => <Note key={late} tone="wait" title="Evidence is late">{late}</Note>)}
      {of.evidence.selfChecksFailed > 0 && <Note tone="bad" title="The log found something wrong with itself">Verify the evidence now, on the page <Link to="/evidence">Evidence</Link>.</Note>}
      <div className="figures">
        <Figure name="Live sessions" value={of.live.sessions} to="/sessions" search={{ state: 'live' }} about={plural(of.live.byConnection.length, 'connection')} />
        {seesApprovals
          ? <Figure name="Waiting for approval" value={of.approvals.pending} to="/approvals" tone={of.approvals.pending > 0 ? 'wait' : undefined} about={of.approvals.oldest === undefined ? 'nothing waits' : <>{plural(of.approvals.waiting, 'live command')}, oldest <Ago at={of.approvals.oldest} />{mayAnswer && ' · answer'}</>} />
          : <Figure name="Waiting for approval" value={of.approvals.pending} tone={of.approvals.pending > 0 ? 'wait' : undefined} about={plural(of.approvals.waiting, 'live command')} />}
        <Figure name="Refused" value={refused} to="/sessions" search={{ view: 'commands', decision: 'refused' }} tone={refused > 0 ? 'bad' : undefined} about={`in ${of.hours.length} hours`} />
        <Figure name="New identities" value={of.newIdentities.length} to="/identities" about="first seen in the last 7 days" />
      </div>
      <Panel title={<Link to="/evidence" className="quiet-link">Evidence</Link>}><EvidenceChain of={of.evidence} /></Panel>
      <Panel title="What was done, and what was refused"><HoursChart hours={of.hours} /></Panel>
      <div className="columns">
        <Panel title="Who is connected">
          {of.live.byConnection.length === 0
            ? <Nothing title="Nobody is connected">Machines connect to the addresses of <Link to="/connections">connections</Link>.</Nothing>
            : <ShareBars label="Live sessions by connection" of={of.live.byConnection.slice(0, 8).map(({ connection, sessions }) => ({ id: connection, name: <Link to="/sessions" search={{ state: 'live', connection }}>{connection}</Link>, value: sessions }))} />}
        </Panel>
        <Panel title="Who is refused most">{of.denied.length === 0 ? <Nothing title="Nothing was refused" /> : <Denied of={of.denied} />}</Panel>
        <Panel title="Who is new">{of.newIdentities.length === 0 ? <Nothing title="Nobody new in 7 days">Identities are listed here after their first session.</Nothing> : <Newcomers of={of.newIdentities} />}</Panel>
      </div>
      {of.indexed.size < of.indexed.of && <p className="small muted num">These numbers are drawn from {count(of.indexed.size)} of {count(of.indexed.of)} records; the index is catching up.</p>}
    </>
  );
}

function Figure({ name, value, about, tone, to, search }: { readonly name: string; readonly value: number; readonly about: ReactNode; readonly tone?: 'wait' | 'bad' | undefined; readonly to?: '/sessions' | '/approvals' | '/identities'; readonly search?: { readonly state?: string; readonly view?: string; readonly decision?: string } }): ReactNode {
  const inside = (
    <>
      <span className="figure-name">{name}</span>
      <span className={`figure-value num ${tone === undefined ? '' : `figure-${tone}`}`}>{count(value)}</span>
      <span className="small muted">{about}</span>
    </>
  );
  return to === undefined ? <div className="figure">{inside}</div> : <Link to={to} search={search ?? {}} className="figure figure-link">{inside}</Link>;
}

function Denied({ of }: { readonly of: Overview['denied'] }): ReactNode {
  return (
    <ul className="plain-list entries">
      {of.map(({ identity, connection, code, count: times, last }) => (
        <li key={`${identity} ${connection} ${code}`} className="entry">
          <span className="stack-s grow">
            {identity === '' ? <span className="muted">nobody known</span> : <Link to="/sessions" search={{ view: 'commands', decision: code, identity, ...(connection === '' ? {} : { connection }) }} className="anywhere">{identity}</Link>}
            <span className="small muted anywhere">{refusalWord(code)}{connection !== '' && ` on ${connection}`}, <Ago at={last} /></span>
          </span>
          <strong className="num refused">{count(times)}</strong>
        </li>
      ))}
    </ul>
  );
}

function Newcomers({ of }: { readonly of: Overview['newIdentities'] }): ReactNode {
  return (
    <ul className="plain-list entries">
      {of.map(({ identity, firstSeen, session }) => (
        <li key={identity} className="entry">
          <Link to="/identities/$name" params={{ name: identity }} className="grow anywhere">{identity}</Link>
          <Link to="/sessions/$id" params={{ id: session }} className="small"><Ago at={firstSeen} /><span className="unseen">, first session</span></Link>
        </li>
      ))}
    </ul>
  );
}
