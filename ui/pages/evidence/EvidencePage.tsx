import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { EvidenceView } from '../../api/types.ts';
import { EvidenceChain } from '../../charts/EvidenceChain.tsx';
import { Facts, Head, Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Note, Status } from '../../parts/Status.tsx';
import { span } from '../../parts/times.ts';
import { bytes, count, plural, spaced } from '../../parts/words.ts';
import { useMay } from '../../shell/session.ts';
import { Holds } from './Holds.tsx';
import { Jobs } from './Jobs.tsx';
import { PurgePlanView } from './PurgePlanView.tsx';
import '../../parts/entries.css';

export function EvidencePage(): ReactNode {
  const mayWork = useMay('auditor', 'admin');
  const evidence = useQuery({ queryKey: ['evidence', 'state'], queryFn: ({ signal }) => gateway(signal).evidence.show(), refetchInterval: 15_000 });
  const of = evidence.data;
  return (
    <>
      <Head title="Evidence" name="Evidence" about="What was recorded, and what proves that it was not changed." />
      <div className="stack">
        {evidence.error && <Wrong error={evidence.error} retry={() => void evidence.refetch()} />}
        {!of && !evidence.error && <Loading what="the evidence" />}
        {of && <State of={of} />}
        {mayWork ? <Jobs /> : <Note tone="info">To verify and to export takes the role auditor or admin.</Note>}
        {of && <div className="columns"><Witnesses of={of} /><Anchors of={of} /></div>}
        {of && <Holds of={of.holds} mayChange={mayWork} />}
        {mayWork && <PurgePlanView />}
      </div>
    </>
  );
}

function State({ of }: { readonly of: EvidenceView }): ReactNode {
  return (
    <>
      {of.health.late.map((late) => <Note key={late} tone="wait" title="Late">{late}</Note>)}
      {of.health.selfChecksFailed > 0 && <Note tone="bad" title="The log found something wrong with itself">{plural(of.health.selfChecksFailed, 'time')} since the gateway started. Verify now, and keep the data folder as it is.</Note>}
      <Panel><EvidenceChain of={of.health} /></Panel>
      <Panel title="Head">
        <Facts
          of={[
            ['Log', <code className="anywhere">{of.log}</code>],
            ['Records signed', of.head === undefined ? <span className="muted">nothing yet</span> : <span className="num">{count(of.head.size)}</span>],
            ['Root', of.head === undefined ? <span className="muted">–</span> : <code className="anywhere">{of.head.root}</code>],
            ['Verifier key', of.key === undefined ? <span className="muted">–</span> : <code className="anywhere">{of.key}</code>],
            ['Disk', <span className="num">{bytes(of.disk.bytes)} written since start{of.disk.free !== undefined && `, ${bytes(of.disk.free)} free`}{of.disk.queued > 0 && `, ${plural(of.disk.queued, 'record')} queued`}</span>],
          ]}
        />
        <p className="small muted evidence-hint">Keep the verifier key apart from this machine. With it and a pack, anyone can check the evidence offline: <code>wicketgate evidence verify</code>, or the page inside the pack.</p>
      </Panel>
    </>
  );
}

function Witnesses({ of: { witnesses } }: { readonly of: EvidenceView }): ReactNode {
  return (
    <Panel title="Witnesses">
      {witnesses.length === 0 ? <Nothing title="No witness">Whoever holds this machine and its keys could rewrite the log unseen. Let somebody else run one: <code>wicketgate witness</code>.</Nothing> : (
        <ul className="plain-list">
          {witnesses.map((witness) => (
            <li key={witness.name} className="evidence-item">
              <div className="row spread"><strong className="anywhere">{witness.name}</strong><Status tone={witness.state === 'cosigning' ? 'ok' : 'bad'}>{spaced(witness.state)}</Status></div>
              <span className="small muted num">{witness.size === undefined ? 'has cosigned nothing yet' : `cosigned ${plural(witness.size, 'record')}`}{witness.faults > 0 && `, ${plural(witness.faults, 'fault')} since start`}</span>
              {witness.fault !== undefined && <span className="small"><Words>{witness.fault}</Words></span>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Anchors({ of: { anchors } }: { readonly of: EvidenceView }): ReactNode {
  return (
    <Panel title="Anchors">
      {anchors.length === 0 ? <Nothing title="No anchor">Checkpoints can be kept elsewhere as well: a file share, a webhook, a time-stamp authority, S3.</Nothing> : (
        <ul className="plain-list">
          {anchors.map((anchor) => (
            <li key={anchor.name} className="evidence-item">
              <div className="row spread"><strong className="anywhere">{anchor.name}</strong><Status tone={anchor.late ? 'wait' : 'ok'}>{anchor.late ? 'Late' : 'Keeping'}</Status></div>
              <span className="small muted num">{anchor.type}{anchor.keptSize === undefined ? ', keeps nothing yet' : `, keeps ${plural(anchor.keptSize, 'record')}`}{anchor.keptAge !== undefined && `, ${span(anchor.keptAge * 1000)} ago`}</span>
              {anchor.fault !== undefined && <span className="small"><Words>{anchor.fault}</Words></span>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
