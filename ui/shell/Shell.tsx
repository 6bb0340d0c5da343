import { Button, Menu } from '@mantine/core';
import { IconKeyboard, IconLogout, IconMenu2, IconUser, IconX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Navigate, Outlet, useRouterState } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { gateway, isSignedOut } from '../api/gateway.ts';
import { useLive, useLiveState } from '../api/live.ts';
import { A_DAY, overviewQuery } from '../api/overview.ts';
import type { Me } from '../api/types.ts';
import { Loading, Wrong } from '../parts/Page.tsx';
import { useClockAhead } from '../parts/gateway-clock.ts';
import { Note, Status } from '../parts/Status.tsx';
import { span } from '../parts/times.ts';
import { tell } from '../parts/Toasts.tsx';
import { PLACES } from './places.ts';
import { Preferences } from './Preferences.tsx';
import { MeContext, useMeQuery } from './session.ts';
import { Shortcuts } from './Shortcuts.tsx';
import './shell.css';

/** Everything behind the sign-in: who is not signed in goes there, and comes back to where they wanted to be. */
export function Shell(): ReactNode {
  const me = useMeQuery();
  const href = useRouterState({ select: ({ location }) => location.href });
  if (isSignedOut(me.error)) return <ToSignIn from={href} />;
  if (me.data) return <MeContext value={me.data}>{me.data.roles.length === 0 ? <NoRole me={me.data} /> : <Frame me={me.data} />}</MeContext>;
  return <main className="alone">{me.error ? <Wrong error={me.error} retry={() => void me.refetch()} /> : <Loading what="the page" />}</main>;
}

/** Goes to the sign-in once. Where somebody wanted to be is where this began: the address changes on the way, and must not begin it again. */
function ToSignIn({ from }: { readonly from: string }): ReactNode {
  const [once] = useState(<Navigate to="/login" search={from === '/' ? {} : { return: from }} replace />);
  return once;
}

function Frame({ me }: { readonly me: Me }): ReactNode {
  useLive();
  const [help, setHelp] = useState(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  // The menu of a narrow screen is open for one page: going elsewhere closes it.
  const [menuOf, setMenuOf] = useState<string>();
  const menu = menuOf === path;
  return (
    <>
      <a href="#content" className="skip">Skip to the content</a>
      <div className="frame">
        <aside className="rail" aria-label="Wicketgate">
          <div className="top">
            <Link to="/" className="brand"><Mark />Wicketgate</Link>
            <button type="button" className="burger" aria-expanded={menu} aria-controls="navigation" onClick={() => setMenuOf(menu ? undefined : path)}>
              {menu ? <IconX size={20} aria-hidden /> : <IconMenu2 size={20} aria-hidden />}
              <span className="unseen">Menu</span>
            </button>
          </div>
          <div id="navigation" className={menu ? 'side side-open' : 'side'}>
            <Link to="/" className="brand brand-side"><Mark />Wicketgate</Link>
            <Navigation me={me} />
            <div className="side-foot">
              <Liveness />
              <Preferences />
              <Account me={me} onHelp={() => setHelp(true)} />
            </div>
          </div>
        </aside>
        <main id="content" tabIndex={-1} className="content"><ClockNote /><Outlet /></main>
      </div>
      <Shortcuts open={help} onOpen={setHelp} />
    </>
  );
}

function Navigation({ me }: { readonly me: Me }): ReactNode {
  const overview = useQuery(overviewQuery(A_DAY));
  const pending = overview.data?.approvals.pending ?? 0;
  return (
    <nav aria-label="Pages">
      <ul className="plain-list">
        {PLACES.filter(({ roles }) => roles === undefined || roles.some((role) => me.roles.includes(role))).map(({ to, name, sign: Sign }) => (
          <li key={to}>
            <Link to={to} className="place" activeOptions={{ exact: to === '/', includeSearch: false }} activeProps={{ className: 'place place-here' }}>
              <Sign size={17} stroke={1.7} aria-hidden />
              <span className="grow">{name}</span>
              {to === '/approvals' && pending > 0 && <span className="count num">{pending}<span className="unseen"> waiting</span></span>}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Whoever decides by what this page says of time must know whose time it is. */
function ClockNote(): ReactNode {
  const ahead = useClockAhead();
  if (Math.abs(ahead) < MINUTE) return undefined;
  return <Note tone="wait" title={`This device’s clock is ${span(Math.round(Math.abs(ahead) / MINUTE) * MINUTE)} ${ahead > 0 ? 'behind' : 'ahead of'} the gateway’s`}>How long ago or how soon something is, is told here by the gateway’s clock, which is the one that ends requests and sessions.</Note>;
}

const MINUTE = 60_000;

function Liveness(): ReactNode {
  const state = useLiveState();
  return (
    <div className="liveness" role="status">
      {state === 'live' ? <Status tone="ok">Live</Status> : state === 'connecting' ? <Status tone="off">Connecting</Status> : <Status tone="wait">Reconnecting</Status>}
    </div>
  );
}

function Account({ me, onHelp }: { readonly me: Me; readonly onHelp?: () => void }): ReactNode {
  const client = useQueryClient();
  const leave = async (): Promise<void> => {
    try {
      await gateway().me.logout();
    } catch (error) {
      if (!isSignedOut(error)) {
        tell('bad', (error as Error).message);
        return;
      }
    }
    client.clear();
    location.assign('/login');
  };
  return (
    <Menu position="top-start" width={220} withinPortal={false}>
      <Menu.Target>
        <Button variant="default" size="sm" fullWidth justify="flex-start" leftSection={<IconUser size={15} aria-hidden />} className="account"><bdi>{me.name}</bdi></Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{me.roles.length === 0 ? 'no role' : me.roles.join(', ')}{me.provider === undefined ? '' : ` · ${me.provider}`}</Menu.Label>
        {onHelp && <Menu.Item leftSection={<IconKeyboard size={15} aria-hidden />} onClick={onHelp}>Keyboard</Menu.Item>}
        <Menu.Item leftSection={<IconLogout size={15} aria-hidden />} onClick={() => void leave()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function NoRole({ me }: { readonly me: Me }): ReactNode {
  return (
    <main className="alone stack">
      <h1>You have no role here</h1>
      <p>You are signed in as <strong><bdi>{me.name}</bdi></strong>, but none of your groups has a role. An administrator gives roles to groups in the configuration, under <code>control.roles</code>; sign in again afterwards.</p>
      {me.groups.length > 0 && <div className="stack-s"><span className="muted">Your groups, as the provider told them:</span><ul className="bullets">{me.groups.map((group) => <li key={group}><code>{group}</code></li>)}</ul></div>}
      <div className="alone-account"><Account me={me} /></div>
    </main>
  );
}

/** The small door in the great gate. */
export function Mark(): ReactNode {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M6 26V13a10 10 0 0 1 20 0v13" fill="none" stroke="#bfe5e1" strokeWidth="2.6" />
      <path d="M12 26v-9a4 4 0 0 1 8 0v9z" fill="#fff" />
    </svg>
  );
}
