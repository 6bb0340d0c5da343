import { Button } from '@mantine/core';
import { IconLogin2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, type ReactNode } from 'react';
import { gateway } from '../api/gateway.ts';
import { Loading, Wrong } from '../parts/Page.tsx';
import { Note } from '../parts/Status.tsx';
import { Preferences } from './Preferences.tsx';
import { Mark } from './Shell.tsx';

const route = getRouteApi('/login');

const PROBLEMS: Readonly<Record<string, string>> = {
  denied: 'The provider did not let you in, or you ended the sign-in there.',
  expired: 'The sign-in took too long, or was begun in another window. Begin again.',
  provider_down: 'The provider does not answer. Try again in a moment; if it stays so, tell whoever runs it. Machines are not affected.',
  clock: 'The clocks of the provider and of the gateway differ too much, so that what the provider says counts as not valid yet, or no longer. Tell whoever runs the gateway to set its clock right.',
  failed: 'The provider’s answer was not accepted. The gateway’s log says why.',
  unavailable: 'A sign-in is recorded, and evidence cannot be written now. Tell whoever runs the gateway.',
  rate: 'Too many tries in a short time. Wait a minute.',
  used: 'This link was used before, or is too old. Make a new one with wicketgate admin bootstrap.',
};

/** Only a path of this page: never a place elsewhere. */
const safePath = (path: string | undefined): string | undefined => (path !== undefined && /^\/(?![/\\])/.test(path) && !path.startsWith('/login') ? path : undefined);

export function Login(): ReactNode {
  const { return: wanted, error: problem } = route.useSearch();
  const signIn = useQuery({ queryKey: ['sign-in'], queryFn: ({ signal }) => gateway(signal).me.signIn() });
  const back = safePath(wanted);
  useEffect(() => {
    document.title = 'Sign in · Wicketgate';
  }, []);
  return (
    <main className="alone stack">
      <div className="row"><Mark /><h1>Sign in to Wicketgate</h1></div>
      {problem !== undefined && <Note tone="bad">{PROBLEMS[problem] ?? PROBLEMS['failed']}</Note>}
      {back !== undefined && problem === undefined && <Note tone="info">You go on to <code className="anywhere">{back.split('?')[0]}</code> afterwards.</Note>}
      {signIn.isPending && <Loading what="the ways to sign in" />}
      {signIn.error && <Wrong error={signIn.error} retry={() => void signIn.refetch()} />}
      {signIn.data?.providers.length === 0 && <Note tone="wait" title="Nobody can sign in yet">Configure a provider under <code>control.login</code>, then make the first administrator with <code>wicketgate admin bootstrap</code>.</Note>}
      {signIn.data?.providers.map(({ name }) => (
        <Button key={name} component="a" size="md" href={`/login/${encodeURIComponent(name)}${back === undefined ? '' : `?return=${encodeURIComponent(back)}`}`} leftSection={<IconLogin2 size={18} aria-hidden />}>
          Continue with {name}
        </Button>
      ))}
      <p className="muted small">Only people sign in here. Machines come with their tokens, at the addresses of their connections.</p>
      <Preferences />
    </main>
  );
}
