import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { PurgePlan } from '../../api/types.ts';
import { Loading, Panel, Wrong } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { FullTime } from '../../parts/Time.tsx';
import { bytes, count, plural } from '../../parts/words.ts';

/** What a purge would destroy now. The purge itself is done where the gateway runs, never from a browser. */
export function PurgePlanView(): ReactNode {
  const [asked, setAsked] = useState(false);
  const plan = useQuery({ queryKey: ['purge-plan'], queryFn: ({ signal }) => gateway(signal).evidence.purgePlan(), enabled: asked, staleTime: Infinity, refetchOnWindowFocus: false });
  return (
    <Panel title="Retention" side={<Button size="sm" variant="default" loading={plan.isFetching} onClick={() => { if (asked) void plan.refetch(); else setAsked(true); }}>What would a purge destroy?</Button>}>
      {!asked && <p className="muted">Texts and answers whose time is over are made unreadable by destroying their keys. The records themselves stay.</p>}
      {plan.error && <Wrong error={plan.error} retry={() => void plan.refetch()} />}
      {asked && plan.isPending && <Loading what="the plan" />}
      {plan.data && (
        <div className="stack">
          <p>{plural(plan.data.going, 'key')} would be destroyed, {plural(plan.data.staying, 'key')} would stay. As of <FullTime at={plan.data.asOf} />.</p>
          {plan.data.goes.length > 0 && <Lines title="Would go" of={plan.data.goes} />}
          {plan.data.stays.length > 0 && <Lines title="Would stay" of={plan.data.stays} />}
          {plan.data.going > 0 && <p className="small">To do it, where the gateway runs: <code className="anywhere">wicketgate evidence purge --confirm {plan.data.digest}</code></p>}
        </div>
      )}
    </Panel>
  );
}

function Lines({ title, of }: { readonly title: string; readonly of: PurgePlan['goes'] }): ReactNode {
  return (
    <details>
      <summary>{title} ({plural(of.length, 'line')})</summary>
      {/* It scrolls: whoever has no mouse must be able to. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="simple-scroll" tabIndex={0} role="region" aria-label={title}>
        <table className="simple-table small">
          <thead><tr><th scope="col">Day (UTC)</th><th scope="col">Connection</th><th scope="col" className="right">Texts</th><th scope="col" className="right">Size</th><th scope="col">Why</th></tr></thead>
          <tbody>{of.map((line) => <tr key={`${line.day} ${line.connection}`}><td className="num nowrap">{line.day}</td><td>{line.connection}</td><td className="num right">{count(line.bodies)}</td><td className="num right nowrap">{bytes(line.bytes)}</td><td><Words>{line.why}</Words></td></tr>)}</tbody>
        </table>
      </div>
    </details>
  );
}
