import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useList } from '../../api/lists.ts';
import type { PolicyVersion } from '../../api/types.ts';
import { Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Status, type Tone } from '../../parts/Status.tsx';
import { FullTime } from '../../parts/Time.tsx';
import { short } from '../../parts/words.ts';
import './policies.css';

const EVENTS: Readonly<Record<PolicyVersion['event'], { readonly tone: Tone; readonly word: string; readonly about: string }>> = {
  start: { tone: 'info', word: 'Started', about: 'The gateway started with it.' },
  change: { tone: 'ok', word: 'Changed', about: 'It took the place of the one before.' },
  refused: { tone: 'bad', word: 'Refused', about: 'It was not taken; the one before stayed in force.' },
};

/** What became of the configuration, from the evidence: each version with what it changed. */
export function Versions(): ReactNode {
  const list = useList<PolicyVersion>(['policies', 'versions'], (gateway, page) => gateway.policies.versions(page));
  if (list.pending) return <Loading what="the versions" />;
  return (
    <div className="stack">
      {list.error !== null && <Wrong error={list.error} retry={list.again} />}
      {list.rows.length === 0 && list.error === null && <Panel><Nothing title="No version is on record">Records of it are older than what is kept.</Nothing></Panel>}
      {list.rows.length > 0 && <Panel flush>{list.rows.map((version) => <Version key={version.sequence} of={version} />)}</Panel>}
      {list.more.has && <div><Button variant="default" loading={list.more.loading} onClick={list.more.load}>Show older</Button></div>}
    </div>
  );
}

function Version({ of }: { readonly of: PolicyVersion }): ReactNode {
  const { tone, word, about } = EVENTS[of.event];
  return (
    <article className="version">
      <div className="row spread"><span className="row"><Status tone={tone}>{word}</Status><FullTime at={of.at} /></span><span className="small muted">configuration <code title={of.config}>{short(of.config)}</code>{of.policy !== undefined && <>, policies <code title={of.policy}>{short(of.policy)}</code></>}</span></div>
      {of.changes.length === 0 ? <span className="muted small">{about}</span> : (
        <ul className="changes">
          {of.changes.map((change, at) => <li key={at} className={classOf(change)}><span aria-hidden>{signOf(change)} </span><Words>{change}</Words></li>)}
        </ul>
      )}
    </article>
  );
}

/** Lines are worded "mask removed: analysts/pii". */
const kindOf = (change: string): 'added' | 'removed' | 'other' => (/\b(?:added|new)\b/.test(change.split(':')[0] ?? '') ? 'added' : /\b(?:removed|gone)\b/.test(change.split(':')[0] ?? '') ? 'removed' : 'other');
const classOf = (change: string): string => (kindOf(change) === 'other' ? '' : `change-${kindOf(change)}`);
const signOf = (change: string): string => ({ added: '+', removed: '−', other: '~' })[kindOf(change)];
