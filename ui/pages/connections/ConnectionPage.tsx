import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { ConnectionView } from '../../api/types.ts';
import { Facts, Head, Loading, Origin, Panel, Wrong } from '../../parts/Page.tsx';
import { Note, Status, Tags } from '../../parts/Status.tsx';
import { FullTime } from '../../parts/Time.tsx';
import { bytes, count, plural } from '../../parts/words.ts';

const route = getRouteApi('/shell/connections/$name');

const TLS: Readonly<Record<string, string>> = { disable: 'without TLS', require: 'with TLS, without checking who answers', 'verify-full': 'with TLS, checking who answers' };

export function ConnectionPage(): ReactNode {
  const { name } = route.useParams();
  const connection = useQuery({ queryKey: ['connections', 'one', name], queryFn: ({ signal }) => gateway(signal).connections.show({ name }) });
  const of = connection.data;
  return (
    <>
      <Head title={name} name={name} back={{ to: '/connections', label: 'Connections' }} about={of && <span className="row">{of.live > 0 ? <Status tone="ok">{count(of.live)} live</Status> : <Status tone="off">Idle</Status>}<span>{of.protocol}</span></span>} />
      {connection.error && <Wrong error={connection.error} retry={() => void connection.refetch()} />}
      {of ? <Body of={of} /> : !connection.error && <Loading what="the connection" />}
    </>
  );
}

function Body({ of }: { readonly of: ConnectionView }): ReactNode {
  return (
    <div className="stack">
      {of.target.tls === 'disable' && <Note tone="wait">The way to the target is not encrypted.</Note>}
      <Panel>
        <Facts
          of={[
            ['Clients connect to', <><code>{of.listen}</code>{of.plaintext && <span className="muted"> without TLS, on this machine only</span>}</>],
            ['Leads to', <><code className="anywhere">{of.target.address}</code>{of.target.database === undefined ? null : <>, database <code>{of.target.database}</code></>} <span className="muted">{TLS[of.target.tls] ?? of.target.tls}</span></>],
            ['Evidence', of.evidence.mode === 'strict' ? 'strict: durable before anything reaches the target' : 'durable before anything takes effect'],
            ['Answers', of.evidence.recordAnswers === 0 ? 'counts only' : `recorded, masked, up to ${bytes(of.evidence.recordAnswers)} of each`],
            of.functions.length === 0 ? undefined : ['Vetted functions', <Tags of={of.functions} />],
            ['Last 24 hours', <span className="num">{plural(of.commands, 'command')}, <span className={of.refused > 0 ? 'refused' : ''}>{count(of.refused)} refused</span></span>],
            ['Last use', of.lastUse === undefined ? <span className="muted">never</span> : <FullTime at={of.lastUse} />],
            ['Configured in', <Origin of={of.origin} />],
          ]}
        />
      </Panel>
      <Panel title="Who can reach it" side={<Link to="/sessions" search={{ connection: of.name }} className="small">Its sessions</Link>}>
        {of.reachedBy.length === 0 ? <p className="muted">Nobody: no policy names it for an identity.</p> : <ul className="plain-list columns-list">{of.reachedBy.map((identity) => <li key={identity}><Link to="/identities/$name" params={{ name: identity }} className="anywhere">{identity}</Link></li>)}</ul>}
      </Panel>
    </div>
  );
}
