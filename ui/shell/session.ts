import { queryOptions, useQuery } from '@tanstack/react-query';
import { createContext, use } from 'react';
import { gateway, rememberCsrf } from '../api/gateway.ts';
import type { Me, Role } from '../api/types.ts';

/** Who is signed in. Fails with 401 when nobody is. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }) => {
    const me = await gateway(signal).me.show();
    rememberCsrf(me.csrf);
    return me;
  },
  staleTime: 60_000,
  // It is asked for before the page is drawn: that nobody is signed in need not be heard twice.
  retryOnMount: false,
});

export const useMeQuery = () => useQuery(meQuery);

export const MeContext = createContext<Me | undefined>(undefined);

/** Who is signed in, on pages that nobody else sees. */
export function useMe(): Me {
  const me = use(MeContext);
  if (!me) throw new Error('this part needs somebody who is signed in');
  return me;
}

/** Whether one of these roles is held. The gateway decides; this only spares people buttons that would be refused. */
export function useMay(...roles: readonly Role[]): boolean {
  const { roles: held } = useMe();
  return roles.some((role) => held.includes(role));
}
