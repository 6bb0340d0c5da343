import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { Settings } from '../../api/types.ts';
import { Facts, Head, Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Note, Tags } from '../../parts/Status.tsx';
import { FullTime, Time } from '../../parts/Time.tsx';
import { useMay } from '../../shell/session.ts';
import { Tokens } from './Tokens.tsx';
import '../../parts/entries.css';

export function SettingsPage(): ReactNode {
  const mayTokens = useMay('admin');
  const settings = useQuery({ queryKey: ['settings'], queryFn: ({ signal }) => gateway(signal).settings.show() });
  return (
    <>
      <Head title="Settings" name="Settings" about="They are in the configuration files; this is what came of them." />
      <div className="stack">
        {settings.error && <Wrong error={settings.error} retry={() => void settings.refetch()} />}
        {settings.isPending && <Loading what="the settings" />}
        {settings.data && <Body of={settings.data} />}
        {mayTokens && <Tokens />}
      </div>
    </>
  );
}

function Body({ of }: { readonly of: Settings }): ReactNode {
  return (
    <>
      {of.problems.map((problem) => <Note key={problem} tone="bad" title="Something is wrong"><Words>{problem}</Words></Note>)}
      {of.problems.length === 0 && <Note tone="ok">The configuration in force has no problems.</Note>}
      <Panel title="Gateway">
        <Facts
          of={[
            ['Version', of.build],
            ['Runtime', `Node.js ${of.runtime}`],
            ['Running since', <FullTime at={of.startedAt} />],
            ['Configuration', <code className="anywhere">{of.config.digest}</code>],
            ['Policies', <code className="anywhere">{of.config.policy}</code>],
            ['Files', <ul className="plain-list">{of.config.files.map((file) => <li key={file}><code className="anywhere">{file}</code></li>)}</ul>],
          ]}
        />
      </Panel>
      <div className="columns">
        <Panel title="Who vouches for people">
          {of.login.length === 0 ? <Nothing title="Nobody">Configure <code>control.login</code>.</Nothing> : <Facts of={of.login.map(({ name, issuer }) => [name, <span className="anywhere">{issuer}</span>])} />}
        </Panel>
        <Panel title="Who has which role"><Facts of={of.roles.map(({ role, groups }) => [role, <Tags of={groups} none="nobody" />])} /></Panel>
      </div>
      {of.bootstrapped.length > 0 && (
        <Panel title="Administrators made on the command line">
          <ul className="plain-list">{of.bootstrapped.map(({ issuer, subject, at }) => <li key={`${issuer} ${subject}`} className="evidence-item"><span className="anywhere"><strong><Words>{subject}</Words></strong> <span className="muted">{issuer}, <Time at={at} /></span></span></li>)}</ul>
        </Panel>
      )}
    </>
  );
}
