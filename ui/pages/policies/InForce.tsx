import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { PolicyView } from '../../api/types.ts';
import { Facts, Loading, Nothing, Origin, Panel, Wrong } from '../../parts/Page.tsx';
import { Tags } from '../../parts/Status.tsx';
import { span } from '../../parts/times.ts';
import { bytes, count, plural, short, spaced } from '../../parts/words.ts';
import { Effect, matchWords } from './words.tsx';
import './policies.css';

export function InForce({ only }: { readonly only: string | undefined }): ReactNode {
  const policies = useQuery({ queryKey: ['policies', 'list'], queryFn: ({ signal }) => gateway(signal).policies.list() });
  const [filter, setFilter] = useState(only ?? '');
  if (policies.isPending) return <Loading what="the policies" />;
  if (policies.error) return <Wrong error={policies.error} retry={() => void policies.refetch()} />;
  const { items, version, config, files } = policies.data;
  const wanted = filter.toLowerCase();
  const shown = items.filter(({ name, identities, groups, connections }) => [name, ...identities, ...groups, ...connections].some((word) => word.toLowerCase().includes(wanted)));
  return (
    <div className="stack">
      <Panel>
        <Facts of={[['Version', <code title={version}>{short(version)}</code>], ['Configuration', <code title={config}>{short(config)}</code>], ['Files', <ul className="plain-list">{files.map((file) => <li key={file}><code className="anywhere">{file}</code></li>)}</ul>]]} />
      </Panel>
      {items.length > 3 && <TextInput data-filter label="Filter" placeholder="policy, identity, group or connection" value={filter} onChange={(event) => setFilter(event.currentTarget.value)} className="policy-filter" autoComplete="off" />}
      {items.length === 0 && <Panel><Nothing title="No policy is in force">Without one nothing is allowed. Write one under <code>policies</code> in the configuration.</Nothing></Panel>}
      {items.length > 0 && shown.length === 0 && <Panel><Nothing title="No policy matches the filter" /></Panel>}
      {shown.map((policy) => <Policy key={policy.name} of={policy} />)}
    </div>
  );
}

function Policy({ of }: { readonly of: PolicyView }): ReactNode {
  const limits = Object.entries(of.limits);
  return (
    <Panel title={of.name} side={<Origin of={of.origin} />}>
      <div className="stack">
        <Facts
          of={[
            ['For', <span className="row"><Tags of={[...of.identities, ...of.groups.map((group) => `group ${group}`)]} none="nobody" /></span>],
            ['On', <Tags of={of.connections.map((name) => (name === '*' ? 'all connections' : name))} />],
            ['Allows', <Tags of={of.allow} none="nothing by class" />],
            limits.length === 0 ? undefined : ['Limits', <ul className="plain-list num">{limits.map(([name, value]) => <li key={name}>{name}: {count(value)}</li>)}</ul>],
          ]}
        />
        {of.rules.length > 0 && <Rules of={of.rules} />}
        {of.masks.length > 0 && <Masks of={of.masks} />}
      </div>
    </Panel>
  );
}

function Rules({ of }: { readonly of: PolicyView['rules'] }): ReactNode {
  return (
    <div>
      <h3>{plural(of.length, 'rule')}</h3>
      <ul className="plain-list">
        {of.map((rule, at) => (
          <li key={at} className="rule">
            <div className="row spread"><span className="row"><Effect of={rule.effect} /><strong className="anywhere">{rule.name}</strong></span><Origin of={rule.origin} /></div>
            <div className="rule-words small">
              {matchWords(rule.match).map(([key, value]) => <span key={key}><span className="muted">{key} </span><code className="anywhere">{value}</code></span>)}
              {rule.when !== undefined && <span><span className="muted">when </span><code className="anywhere">{rule.when}</code></span>}
            </div>
            {rule.approval && <div className="row small"><span className="muted">{plural(rule.approval.count, 'person', 'people')} of</span><Tags of={rule.approval.groups} /><span className="muted">held {span(rule.approval.hold)}, usable for {span(rule.approval.expires)}{rule.approval.holdInTransaction > 0 ? `, in a transaction ${span(rule.approval.holdInTransaction)}` : ''}{rule.approval.coverData === undefined ? '' : `, covers data up to ${bytes(rule.approval.coverData)}`}</span></div>}
            {rule.reason !== undefined && <div className="small muted">{rule.reason}</div>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Masks({ of }: { readonly of: PolicyView['masks'] }): ReactNode {
  return (
    <div>
      <h3>{plural(of.length, 'mask')}</h3>
      <ul className="plain-list">
        {of.map((mask, at) => (
          <li key={at} className="rule">
            <div className="row spread"><strong className="anywhere">{mask.name}</strong><Origin of={mask.origin} /></div>
            <div className="rule-words small">
              {mask.columns.length > 0 && <span className="row"><span className="muted">columns</span><Tags of={mask.columns} /></span>}
              {mask.detect.length > 0 && <span className="row"><span className="muted">detects</span><Tags of={mask.detect.map(spaced)} /></span>}
              <span>{mask.transform}</span>
              <span className="muted">{mask.mode}</span>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
