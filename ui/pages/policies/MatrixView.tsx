import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { Matrix } from '../../api/types.ts';
import { Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Note } from '../../parts/Status.tsx';
import { plural } from '../../parts/words.ts';
import './policies.css';

type Cell = Matrix['cells'][number];

export function MatrixView(): ReactNode {
  const matrix = useQuery({ queryKey: ['policies', 'matrix'], queryFn: ({ signal }) => gateway(signal).policies.matrix() });
  const [filter, setFilter] = useState('');
  const cells = useMemo(() => new Map(matrix.data?.cells.map((cell) => [`${cell.identity}\n${cell.connection}`, cell])), [matrix.data]);
  if (matrix.isPending) return <Loading what="the matrix" />;
  if (matrix.error) return <Wrong error={matrix.error} retry={() => void matrix.refetch()} />;
  const { connections, cut } = matrix.data;
  const identities = matrix.data.identities.filter((name) => name.toLowerCase().includes(filter.toLowerCase()));
  if (matrix.data.identities.length === 0 || connections.length === 0) return <Panel><Nothing title="Nobody reaches anything">The configuration has no identities or no connections yet.</Nothing></Panel>;
  return (
    <div className="stack">
      {cut && <Note tone="info">Only the first 200 identities and 100 connections are shown. The page of an identity shows all that it reaches.</Note>}
      <TextInput data-filter label="Filter" placeholder="identity" value={filter} onChange={(event) => setFilter(event.currentTarget.value)} className="policy-filter" autoComplete="off" />
      <Panel flush>
        {/* It scrolls: whoever has no mouse must be able to. */}
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <div className="matrix-scroll" tabIndex={0} role="region" aria-label="Who reaches what">
          <table className="matrix small">
            <thead><tr><th scope="col">Identity</th>{connections.map((name) => <th key={name} scope="col"><Link to="/connections/$name" params={{ name }}>{name}</Link></th>)}</tr></thead>
            <tbody>
              {identities.map((identity) => (
                <tr key={identity}>
                  <th scope="row"><Link to="/identities/$name" params={{ name: identity }}>{identity}</Link></th>
                  {connections.map((connection) => <td key={connection}><Reached of={cells.get(`${identity}\n${connection}`)} /></td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </div>
  );
}

function Reached({ of }: { readonly of: Cell | undefined }): ReactNode {
  if (!of) return <span className="matrix-none"><span aria-hidden>–</span><span className="unseen">no way</span></span>;
  const more = [of.rules > 0 && plural(of.rules, 'rule'), of.approvals > 0 && plural(of.approvals, 'approval'), of.masks > 0 && plural(of.masks, 'mask')].filter((word) => word !== false);
  return (
    <span title={`by ${of.policies.join(', ')}`}>
      <strong>{of.allow.length === 0 ? 'by rules only' : of.allow.join(', ')}</strong>
      {more.length > 0 && <><br /><span className="muted">{more.join(', ')}</span></>}
    </span>
  );
}
