import { createTheme, MantineProvider } from '@mantine/core';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/mantine.ts';
import './styles/theme.css';
import { ApiProblem } from '../src/control/client.ts';
import { isSignedOut } from './api/gateway.ts';
import { A_DAY, overviewQuery } from './api/overview.ts';
import { Toasts } from './parts/Toasts.tsx';
import { makeRouter } from './routes.tsx';
import { meQuery } from './shell/session.ts';

const theme = createTheme({ primaryColor: 'teal', defaultRadius: 6, cursorType: 'pointer', respectReducedMotion: true });

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      // The sign-in is over: asking who is signed in leads to the sign-in page, and back here afterwards.
      if (isSignedOut(error) && query.queryKey[0] !== 'me') void client.invalidateQueries({ queryKey: ['me'] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5000,
      // Only what may be better in a moment is asked again by itself.
      retry: (count, error) => count < 3 && error instanceof ApiProblem && (error.status === 0 || error.status >= 502),
      refetchOnWindowFocus: 'always',
    },
  },
});

// What every page needs is asked for while the page itself is still on its way.
if (location.pathname !== '/login') {
  void client.fetchQuery(meQuery).then(
    ({ roles }) => (roles.length === 0 ? undefined : client.prefetchQuery(overviewQuery(A_DAY))),
    // The page asks again, and says what is wrong.
    () => undefined,
  );
}

const router = makeRouter();
const root = document.getElementById('page');
if (!root) throw new Error('index.html has no place for the page');
// Drawn once, with what it shows, instead of empty first.
await router.load();
createRoot(root).render(
  <StrictMode>
    {/* Variables and classes are in the style sheets: no style tag is made here, which the content security policy would refuse. */}
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
        <Toasts />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
