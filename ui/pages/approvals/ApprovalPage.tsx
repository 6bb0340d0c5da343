import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { ApprovalDetail } from '../../api/types.ts';
import { Facts, Head, Loading, Origin, Panel, Wrong } from '../../parts/Page.tsx';
import { Statement, Words } from '../../parts/Statement.tsx';
import { Note, Status, Tags, type Tone } from '../../parts/Status.tsx';
import { Ago, FullTime } from '../../parts/Time.tsx';
import { bytes, count, objectOf, plural, spaced } from '../../parts/words.ts';
import { useMay } from '../../shell/session.ts';
import { AnswerForm } from './AnswerForm.tsx';
import { State, STATES, whatItDoes } from './words.tsx';
import './approval.css';

const route = getRouteApi('/shell/approvals/$id');

export function ApprovalPage(): ReactNode {
  const { id } = route.useParams();
  const approval = useQuery({ queryKey: ['approval', id], refetchOnWindowFocus: false, queryFn: ({ signal }) => gateway(signal).approvals.show({ id }) });
  const back = { to: '/approvals', label: 'Approvals' } as const;
  if (!approval.data) {
    return (
      <>
        <Head title="Approval" name="Approval" back={back} />
        {approval.error ? <Wrong error={approval.error} retry={() => void approval.refetch()} /> : <Loading what="the request" />}
      </>
    );
  }
  const of = approval.data;
  return (
    <>
      <Head title={whatItDoes(of)} name={`${whatItDoes(of)} on ${of.connection}`} back={back} about={<span className="row"><State of={of} /><span>by <strong>{of.identity}</strong> on <strong>{of.connection}</strong></span>{(of.state === 'pending' || of.state === 'approved') && <span>expires <Ago at={of.expiresAt} /></span>}</span>} />
      {approval.error && <Wrong error={approval.error} retry={() => void approval.refetch()} />}
      <div className="approval">
        <What of={of} />
        <Why of={of} />
        <div className="approval-side stack"><Answer of={of} /><Answers of={of} /></div>
      </div>
    </>
  );
}

function What({ of }: { readonly of: ApprovalDetail }): ReactNode {
  const session = <Link to="/sessions/$id" params={{ id: of.session }}><code>{of.session}</code></Link>;
  return (
    <Panel title="What would run">
      <div className="stack">
        {of.text === undefined
          ? <Note tone="wait" title="The text can no longer be read">The key of its recorded form was destroyed. An answer would still be for exactly this command.</Note>
          : <Statement text={of.text} hidden={of.hidden} label="the command" />}
        {of.parameters !== undefined && of.parameters.length > 0 && <Parameters of={of.parameters} />}
        {of.hidden > 0 && <p className="small muted">Hidden values are part of what is approved: with any other value it is another command.</p>}
        <Facts
          of={[
            ['By', <><Link to="/identities/$name" params={{ name: of.identity }}>{of.identity}</Link>{of.owner.group !== undefined && <span className="muted"> owned by {of.owner.group}</span>}</>],
            of.requester === undefined ? undefined : ['Asked for by', <Words>{of.requester}</Words>],
            ['On', <><Link to="/connections/$name" params={{ name: of.connection }}>{of.connection}</Link> <span className="muted">({of.protocol})</span></>],
            ['Touches', <Effects of={of} />],
            ['Rows', <Rows of={of} />],
            ['In a transaction', of.inTransaction ? 'yes' : 'no'],
            ['Session', session],
            ['Asked', <FullTime at={of.askedAt} />],
            ['Waiting now', of.waiting > 0 ? plural(of.waiting, 'live command') : of.state === 'pending' ? <>no client: after approval it runs on its next try</> : 'none'],
            of.data === undefined ? undefined : ['Data', <Data of={of.data} />],
            of.notCovered === undefined ? undefined : ['Not covered', <Note tone="wait">{of.notCovered}</Note>],
          ]}
        />
      </div>
    </Panel>
  );
}

function Parameters({ of }: { readonly of: readonly (string | null)[] }): ReactNode {
  return (
    <ol className="parameters">
      {of.map((value, at) => <li key={at} value={at + 1}>{value === null ? <span className="muted">NULL</span> : <Words>{value}</Words>}</li>)}
    </ol>
  );
}

function Effects({ of: { effects } }: { readonly of: ApprovalDetail }): ReactNode {
  if (effects.length === 0) return <span className="muted">nothing that has a name</span>;
  return <ul className="plain-list">{effects.map((effect, at) => <li key={at}>{spaced(effect.verb)}{effect.object !== undefined && <> <strong>{objectOf(effect.object).name}</strong></>} <span className="muted small">{[effect.object === undefined ? undefined : objectOf(effect.object).kind, effect.class].filter((word) => word !== undefined).join(', ')}</span></li>)}</ul>;
}

/** Rows that come with the command and are approved with it. */
function Data({ of: { rows, bytes: size, sha256 } }: { readonly of: NonNullable<ApprovalDetail['data']> }): ReactNode {
  return (
    <span className="stack-s">
      <span className="num">{rows !== undefined && <><strong>{plural(rows, 'row')}</strong>, </>}{bytes(size)}<span className="muted">, covered: nothing but these bytes would run</span></span>
      <span className="small muted">SHA-256 <code className="anywhere">{sha256}</code></span>
    </span>
  );
}

function Rows({ of }: { readonly of: ApprovalDetail }): ReactNode {
  const { estimatedRows } = of;
  return (
    <>
      <Counted of={of} />
      {estimatedRows !== undefined && <span className="muted">; {estimatedRows === null ? 'how many the changed tables hold is not known: never analyzed' : <>the changed tables hold about <strong className="num">{plural(estimatedRows, 'row')}</strong>, as the target estimates</>}</span>}
    </>
  );
}

function Counted({ of: { rows, maxRows, liftsRowLimit, data } }: { readonly of: ApprovalDetail }): ReactNode {
  if (liftsRowLimit !== undefined) return <Note tone="wait">No row limit: {data?.rows === undefined && 'could not be counted; '}rowsPerCommand of {count(liftsRowLimit)} does not hold for it.</Note>;
  if (rows === undefined && maxRows === undefined) return data?.rows === undefined ? <span className="muted">not counted</span> : <span className="num"><strong>{count(data.rows)}</strong><span className="muted"> that come with it</span></span>;
  return (
    <span className="num">
      {rows !== undefined && <strong>{count(rows)}</strong>}{rows !== undefined && ' counted before'}
      {maxRows !== undefined && <span className="muted">{rows !== undefined && ', '}at most {count(maxRows)} with this approval</span>}
    </span>
  );
}

function Why({ of }: { readonly of: ApprovalDetail }): ReactNode {
  return (
    <Panel title="Why it needs approval">
      <div className="stack">
        <p>{of.reason}</p>
        {of.steps.map((step, at) => (
          <div key={at} className="step">
            <div className="row spread"><strong className="anywhere">{step.rule}</strong><Status tone={step.approvedBy.length >= step.count ? 'ok' : 'wait'}>{Math.min(step.approvedBy.length, step.count)} of {step.count}</Status></div>
            <Origin of={step.origin} />
            <div className="row"><span className="muted">Somebody of</span><Tags of={step.groups} none="no group" /></div>
            {step.approvedBy.length > 0 && <div className="muted">Approved by {step.approvedBy.map((name, index) => <span key={index}>{index > 0 && ', '}<Words>{name}</Words></span>)}</div>}
          </div>
        ))}
        <details>
          <summary>Digest of what is approved</summary>
          <p className="small muted">It covers the bytes of the command{of.data === undefined ? ' and its values' : ', its values, all bytes of its data'}, identity, connection, role, search path and settings. Any difference makes another command.</p>
          <code className="anywhere">{of.digest}</code>
        </details>
      </div>
    </Panel>
  );
}

function Answer({ of }: { readonly of: ApprovalDetail }): ReactNode {
  const may = useMay('approver');
  if (of.state === 'approved' && may) return <Standing tone="info" of={of}>{STATES.approved.about}</Standing>;
  if (of.state !== 'pending') return <Note tone={STATES[of.state].tone}>{STATES[of.state].about}</Note>;
  if (!may) return <Note tone="info">You can look. To answer takes the role approver, and one of the groups of each step.</Note>;
  if (of.mine !== undefined) return <Standing tone="ok" of={of}>You have answered: {of.mine}. It waits for somebody else.</Standing>;
  return <AnswerForm of={of} />;
}

/** What was approved and has not run, which a denial still stops. */
function Standing({ of, tone, children }: { readonly of: ApprovalDetail; readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return (
    <div className="stack">
      <Note tone={tone}>{children}</Note>
      <AnswerForm of={of} takesBack />
    </div>
  );
}

function Answers({ of }: { readonly of: ApprovalDetail }): ReactNode {
  if (of.answers.length === 0) return null;
  return (
    <Panel title="Answers">
      <ul className="plain-list stack">
        {of.answers.map((answer, at) => (
          <li key={at} className="stack-s">
            <span className="row"><Status tone={answer.verdict === 'approve' ? 'ok' : 'bad'}>{answer.verdict === 'approve' ? 'Approved' : answer.verdict === 'deny' ? 'Denied' : 'Forced'}</Status><strong><Words>{answer.by}</Words></strong></span>
            <span>“<Words>{answer.reason}</Words>”</span>
            <span className="small muted">{answer.provider}, by {answer.channel}, <Ago at={answer.at} /></span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
