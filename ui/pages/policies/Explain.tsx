import { Autocomplete, Button, TagsInput, Textarea } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { Explained, ExplainRequest } from '../../api/types.ts';
import { Nothing, Origin, Panel, Wrong } from '../../parts/Page.tsx';
import { Note, Status, Tags } from '../../parts/Status.tsx';
import { objectOf, short, spaced } from '../../parts/words.ts';
import { Effect } from './words.tsx';
import './policies.css';

/** What the policies in force say to a command, and why: without running it. */
export function Explain({ identity: first, connection: where }: { readonly identity: string; readonly connection: string }): ReactNode {
  const [identity, setIdentity] = useState(first);
  const [connection, setConnection] = useState(where);
  const [command, setCommand] = useState('');
  const [searchPath, setSearchPath] = useState<string[]>([]);
  const known = useQuery({ queryKey: ['policies', 'matrix'], queryFn: ({ signal }) => gateway(signal).policies.matrix() });
  const explained = useMutation({ mutationFn: (request: ExplainRequest) => gateway().policies.explain(request) });
  const ready = identity.trim() !== '' && connection.trim() !== '' && command.trim() !== '';
  return (
    <div className="explain">
      <Panel title="The question">
        <form className="stack" onSubmit={(event) => { event.preventDefault(); if (ready) explained.mutate({ identity: identity.trim(), connection: connection.trim(), command, ...(searchPath.length === 0 ? {} : { searchPath }) }); }}>
          <Autocomplete label="Identity" required data={known.data?.identities ?? []} value={identity} onChange={setIdentity} maxLength={200} limit={50} data-filter />
          <Autocomplete label="Connection" required data={known.data?.connections ?? []} value={connection} onChange={setConnection} maxLength={200} limit={50} />
          <Textarea label="Command" description="As a client would send it. It is not run." required rows={6} maxLength={65_536} value={command} onChange={(event) => setCommand(event.currentTarget.value)} classNames={{ input: 'mono' }} spellCheck={false} />
          <TagsInput label="Schemas to look names up in" description="In this order, as search_path. Empty: as the target sets it for a session of this connection." value={searchPath} onChange={setSearchPath} maxTags={32} maxLength={63} placeholder={searchPath.length === 0 ? 'As the target sets it' : ''} />
          <div><Button type="submit" disabled={!ready} loading={explained.isPending}>Explain</Button></div>
        </form>
      </Panel>
      <Panel title="The answer">
        {explained.error && <Wrong error={explained.error} />}
        {explained.data ? <Answer of={explained.data} /> : !explained.error && <Nothing title="Ask something">For instance whether a pipeline may drop a table, or which mask an analyst’s query gets.</Nothing>}
      </Panel>
    </div>
  );
}

const PATH_FROM: Readonly<Record<Explained['searchPathFrom'], string>> = {
  asked: 'Names without a schema were looked up, as you said, in',
  target: 'Names without a schema were looked up, as the target sets it, in',
  default: 'The target did not say where names without a schema are looked up. Assumed was PostgreSQL’s default,',
};

function Answer({ of }: { readonly of: Explained }): ReactNode {
  const refused = of.refused !== undefined;
  return (
    <div className="stack" aria-live="polite">
      <Note tone={of.verdict === 'deny' || refused ? 'bad' : of.verdict === 'allow' ? 'ok' : 'wait'} title={refused ? 'It would be refused, although policy allows it' : of.verdict === 'allow' ? 'It would run' : of.verdict === 'deny' ? 'It would be refused' : 'It would wait for approval'}>{of.refused ?? of.reason}</Note>
      {!of.granted && <Note tone="info">No policy lets this identity reach this connection: it could not even sign in there.</Note>}
      {of.catalog === 'none' && <Note tone="info">No session has been on this connection since the start, so the names of its tables and views are not known. The answer may differ for views and functions.</Note>}
      {of.searchPath.length > 0 && <div className="small"><span className="muted">{PATH_FROM[of.searchPathFrom]} </span><Tags of={of.searchPath} /></div>}
      {of.effects.map((effect, at) => (
        <div key={at} className="rule">
          <div className="row"><Effect of={effect.verdict} /><strong>{spaced(effect.verb)}</strong>{effect.object !== undefined && <span className="anywhere">{objectOf(effect.object).name}</span>}<span className="muted small">class {effect.class}</span></div>
          {effect.by.length === 0 && <div className="small">Nothing grants it, so it is denied.</div>}
          {effect.by.map((rule, index) => <div key={index} className="small row"><span className="muted">by</span><span className="anywhere">{rule.policy}{rule.rule !== undefined && `/${rule.rule}`}</span><Origin of={rule.origin} /></div>)}
          {effect.rules.length > 0 && (
            <details className="small">
              <summary>Every rule that was asked ({effect.rules.length})</summary>
              <ul className="plain-list">
                {effect.rules.map((asked, index) => (
                  <li key={index} className="rule">
                    <div className="row"><Effect of={asked.effect} /><span className="anywhere">{asked.rule.policy}{asked.rule.rule !== undefined && `/${asked.rule.rule}`}</span><Status tone={asked.counts ? 'info' : 'off'}>{asked.counts ? 'counted' : 'did not count'}</Status><Origin of={asked.rule.origin} /></div>
                    {asked.why.map((why, line) => <div key={line} className="muted anywhere">{why}</div>)}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </div>
      ))}
      <span className="small muted">Policies <code title={of.policyVersion}>{short(of.policyVersion)}</code></span>
    </div>
  );
}
