import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { IdentityDetail } from '../../api/types.ts';
import { ShareBars } from '../../charts/ShareBars.tsx';
import { DataTable, type Column } from '../../parts/DataTable.tsx';
import { Facts, Head, Loading, Nothing, Origin, Panel, Wrong } from '../../parts/Page.tsx';
import { ReasonDialog } from '../../parts/ReasonDialog.tsx';
import { Note, Status, Tags } from '../../parts/Status.tsx';
import { Ago, FullTime } from '../../parts/Time.tsx';
import { tell } from '../../parts/Toasts.tsx';
import { count, objectOf, plural, spaced } from '../../parts/words.ts';
import { useMay } from '../../shell/session.ts';
import { IdentityState } from './IdentitiesPage.tsx';

const route = getRouteApi('/shell/identities/$name');

type Reach = IdentityDetail['reaches'][number];
type Used = IdentityDetail['used'][number];

export function IdentityPage(): ReactNode {
  const { name } = route.useParams();
  const mayRevoke = useMay('admin');
  const [asking, setAsking] = useState<'revoke' | 'restore'>();
  const client = useQueryClient();
  const identity = useQuery({ queryKey: ['identities', 'one', name], queryFn: ({ signal }) => gateway(signal).identities.show({ name }) });
  const of = identity.data;
  const back = { to: '/identities', label: 'Identities' } as const;
  return (
    <>
      <Head title={name} name={name} back={back} about={of && <span className="row"><IdentityState of={of} />{of.purpose !== undefined && <span>{of.purpose}</span>}</span>}>
        {of && mayRevoke && (of.revoked ? <Button variant="default" onClick={() => setAsking('restore')}>Restore</Button> : <Button color="red" variant="outline" onClick={() => setAsking('revoke')}>Revoke</Button>)}
      </Head>
      {identity.error && <Wrong error={identity.error} retry={() => void identity.refetch()} />}
      {of ? <Body of={of} /> : !identity.error && <Loading what="the identity" />}
      {asking !== undefined && (
        <ReasonDialog
          title={asking === 'revoke' ? `Revoke ${name}?` : `Restore ${name}?`}
          about={asking === 'revoke' ? 'Its sessions end at once, and it is let in nowhere until it is restored.' : 'It is let in again, as the policies in force say.'}
          act={asking === 'revoke' ? 'Revoke' : 'Restore'}
          danger={asking === 'revoke'}
          onClose={() => setAsking(undefined)}
          onDone={async (reason) => {
            await gateway().identities[asking]({ name }, { reason });
            tell('ok', asking === 'revoke' ? 'Revoked' : 'Restored');
            await client.invalidateQueries({ queryKey: ['identities'] });
          }}
        />
      )}
    </>
  );
}

function Body({ of }: { readonly of: IdentityDetail }): ReactNode {
  const unused = of.reaches.filter(({ used }) => used === 0).length;
  return (
    <div className="stack">
      {of.revoked && <Note tone="bad" title={`Revoked by ${of.revoked.by}`}><Ago at={of.revoked.at} /></Note>}
      {!of.configured && <Note tone="wait">It is not in the configuration in force any more; this is what is on record.</Note>}
      <Panel>
        <Facts
          of={[
            ['Owner', <>{of.owner.group ?? (of.owner.contact === undefined ? <Status tone="wait">Nobody answers for it</Status> : '')}{of.owner.contact !== undefined && <span className="muted"> {of.owner.contact}</span>}</>],
            ['Vouched for by', of.provider],
            ['Claims it needs', <Tags of={of.claims} />],
            of.when === undefined ? undefined : ['Condition', <code className="anywhere">{of.when}</code>],
            ['Groups', <Tags of={of.groups} />],
            ['First use', of.firstUse === undefined ? <span className="muted">never</span> : <FullTime at={of.firstUse} />],
            ['Last use', of.lastUse === undefined ? <span className="muted">never</span> : <FullTime at={of.lastUse} />],
            of.origin === undefined ? undefined : ['Configured in', <Origin of={of.origin} />],
          ]}
        />
      </Panel>
      <Panel title="What it can reach" side={unused > 0 && <Status tone="wait">{plural(unused, 'right')} not used in 90 days</Status>} flush>
        <DataTable label="connections it can reach" rows={of.reaches} columns={REACHES} id={({ connection }) => connection} empty={<Nothing title="It reaches nothing">No policy lets it reach a connection.</Nothing>} />
      </Panel>
      <Panel title="What it did in 90 days" side={<Link to="/sessions" search={{ identity: of.name, view: 'commands' }} className="small">All its commands</Link>} flush>
        <DataTable label="what it did" rows={of.used} columns={USED} id={({ connection, verb }) => `${connection} ${verb}`} empty={<Nothing title="Nothing">No command of it is on record.</Nothing>} />
      </Panel>
      {of.objects.length > 0 && <Panel title="What it touched most"><ShareBars label="Commands by object" of={of.objects.slice(0, 20).map(({ object, commands }) => ({ id: object, name: objectOf(object).name, value: commands }))} /></Panel>}
    </div>
  );
}

const REACHES: readonly Column<Reach>[] = [
  { id: 'connection', title: 'Connection', width: 'minmax(0, 1.2fr)', narrow: 'head', cell: ({ connection }) => <Link to="/connections/$name" params={{ name: connection }}>{connection}</Link>, value: ({ connection }) => connection },
  { id: 'used', title: 'Commands', width: '96px', right: true, cell: ({ used }) => (used === 0 ? <span className="muted">none</span> : count(used)), value: ({ used }) => used },
  { id: 'allow', title: 'Allowed', width: 'minmax(0, 1.6fr)', cell: ({ allow }) => (allow.length === 0 ? <span className="muted">by rules only</span> : allow.join(', ')) },
  { id: 'more', title: 'And', width: 'minmax(0, 1.4fr)', cell: ({ rules, approvals, masks }) => [rules > 0 && plural(rules, 'rule'), approvals > 0 && plural(approvals, 'approval'), masks > 0 && plural(masks, 'mask')].filter((word) => word !== false).join(', ') || <span className="muted">–</span> },
  { id: 'policies', title: 'By', width: 'minmax(0, 1.2fr)', narrow: 'none', cell: ({ policies }) => policies.join(', ') },
  { id: 'explain', title: 'Ask', width: '64px', narrow: 'none', cell: (row) => <ExplainLink connection={row.connection} /> },
];

function ExplainLink({ connection }: { readonly connection: string }): ReactNode {
  const { name } = route.useParams();
  return <Link to="/policies" search={{ view: 'explain', identity: name, connection }}>explain</Link>;
}

const USED: readonly Column<Used>[] = [
  { id: 'verb', title: 'Command', width: 'minmax(0, 1.4fr)', narrow: 'head', cell: ({ verb }) => spaced(verb), value: ({ verb }) => verb },
  { id: 'connection', title: 'Connection', width: 'minmax(0, 1.2fr)', cell: ({ connection }) => connection, value: ({ connection }) => connection },
  { id: 'allowed', title: 'Let through', width: '100px', right: true, cell: ({ allowed }) => count(allowed), value: ({ allowed }) => allowed },
  { id: 'refused', title: 'Refused', width: '80px', right: true, cell: ({ refused }) => (refused > 0 ? <strong className="refused">{count(refused)}</strong> : '0'), value: ({ refused }) => refused },
  { id: 'last', title: 'Last', width: '110px', cell: ({ last }) => <Ago at={last} />, value: ({ last }) => Date.parse(last) },
];
