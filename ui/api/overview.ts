import { queryOptions } from '@tanstack/react-query';
import { gateway } from './gateway.ts';

/** How the gateway stands, and what happened in the last hours. */
export const overviewQuery = (hours: number) => queryOptions({ queryKey: ['overview', hours], queryFn: ({ signal }) => gateway(signal).overview.show({ hours }) });

/** The hours that every page asks for: its list of places shows what waits. */
export const A_DAY = 24;
