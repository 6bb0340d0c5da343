import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link, Outlet, type ErrorComponentProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Head, Nothing, Wrong } from './parts/Page.tsx';
import { Shell } from './shell/Shell.tsx';
import { Login } from './shell/Login.tsx';

/** What an address says after `?`: plain words, so that links can be read and written by people. */
type Search = Readonly<Record<string, string>>;

/** Takes the named words of a search, and nothing else. */
const words = <const K extends string>(...keys: readonly K[]) => (search: Record<string, unknown>): { readonly [key in K]?: string } => {
  const taken: { [key in K]?: string } = {};
  for (const key of keys) if (typeof search[key] === 'string' && search[key] !== '') taken[key] = search[key];
  return taken;
};

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Failed });
const login = createRoute({ getParentRoute: () => root, path: '/login', component: Login, validateSearch: words('return', 'error') });
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell, errorComponent: Failed });

const overview = createRoute({ getParentRoute: () => shell, path: '/', component: lazyRouteComponent(() => import('./pages/overview/OverviewPage.tsx'), 'OverviewPage') });
const sessions = createRoute({ getParentRoute: () => shell, path: '/sessions', validateSearch: words('view', 'state', 'identity', 'connection', 'verb', 'object', 'decision', 'text', 'rows', 'since', 'until'), component: lazyRouteComponent(() => import('./pages/sessions/SessionsPage.tsx'), 'SessionsPage') });
const session = createRoute({ getParentRoute: () => shell, path: '/sessions/$id', validateSearch: words('command', 'view'), component: lazyRouteComponent(() => import('./pages/sessions/SessionPage.tsx'), 'SessionPage') });
const approvals = createRoute({ getParentRoute: () => shell, path: '/approvals', validateSearch: words('state'), component: lazyRouteComponent(() => import('./pages/approvals/ApprovalsPage.tsx'), 'ApprovalsPage') });
const approval = createRoute({ getParentRoute: () => shell, path: '/approvals/$id', component: lazyRouteComponent(() => import('./pages/approvals/ApprovalPage.tsx'), 'ApprovalPage') });
const identities = createRoute({ getParentRoute: () => shell, path: '/identities', validateSearch: words('text'), component: lazyRouteComponent(() => import('./pages/identities/IdentitiesPage.tsx'), 'IdentitiesPage') });
const identity = createRoute({ getParentRoute: () => shell, path: '/identities/$name', component: lazyRouteComponent(() => import('./pages/identities/IdentityPage.tsx'), 'IdentityPage') });
const connections = createRoute({ getParentRoute: () => shell, path: '/connections', component: lazyRouteComponent(() => import('./pages/connections/ConnectionsPage.tsx'), 'ConnectionsPage') });
const connection = createRoute({ getParentRoute: () => shell, path: '/connections/$name', component: lazyRouteComponent(() => import('./pages/connections/ConnectionPage.tsx'), 'ConnectionPage') });
const policies = createRoute({ getParentRoute: () => shell, path: '/policies', validateSearch: words('view', 'identity', 'connection', 'policy'), component: lazyRouteComponent(() => import('./pages/policies/PoliciesPage.tsx'), 'PoliciesPage') });
const evidence = createRoute({ getParentRoute: () => shell, path: '/evidence', component: lazyRouteComponent(() => import('./pages/evidence/EvidencePage.tsx'), 'EvidencePage') });
const activity = createRoute({ getParentRoute: () => shell, path: '/activity', validateSearch: words('kind'), component: lazyRouteComponent(() => import('./pages/activity/ActivityPage.tsx'), 'ActivityPage') });
const settings = createRoute({ getParentRoute: () => shell, path: '/settings', component: lazyRouteComponent(() => import('./pages/settings/SettingsPage.tsx'), 'SettingsPage') });

const tree = root.addChildren([login, shell.addChildren([overview, sessions, session, approvals, approval, identities, identity, connections, connection, policies, evidence, activity, settings])]);

export const makeRouter = () =>
  createRouter({
    routeTree: tree,
    defaultPreload: 'intent',
    defaultPendingMs: 300,
    scrollRestoration: true,
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: Failed,
    parseSearch: (text): Search => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const entries = Object.entries(search as Record<string, unknown>).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '');
      return entries.length === 0 ? '' : `?${new URLSearchParams(entries).toString()}`;
    },
  });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}

function NotFound(): ReactNode {
  return (
    <main className="alone">
      <Head title="There is no such page" name="Not found" />
      <Nothing title="The address may be mistyped" action={<Link to="/">To the overview</Link>} />
    </main>
  );
}

function Failed({ error, reset }: ErrorComponentProps): ReactNode {
  return <Wrong error={error} retry={reset} />;
}
