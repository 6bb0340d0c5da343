import { useEffect, useState, type ReactNode } from 'react';
import { gatewayNow } from './gateway-clock.ts';
import { remembered } from './remembered.ts';
import { fromNow, fullTime, shortTime, span } from './times.ts';

/** By which clock all times are shown. */
export const clock = remembered('wicketgate-clock', ['local', 'utc'], 'local');

/** The time now by the gateway's clock, renewed every `every` milliseconds. */
function useNow(every: number): number {
  const [now, setNow] = useState(gatewayNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(gatewayNow()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

const both = (at: string): string => `${fullTime(at, 'local')} (local)\n${fullTime(at, 'utc')}`;

/** A time in a list: short, by the chosen clock; both clocks on hovering. */
export function Time({ at }: { readonly at: string }): ReactNode {
  return <time dateTime={at} title={both(at)} className="num nowrap">{shortTime(at, clock.use())}</time>;
}

/** How long ago or how soon. */
export function Ago({ at }: { readonly at: string }): ReactNode {
  const now = useNow(1000);
  return <time dateTime={at} title={both(at)} className="num nowrap">{fromNow(at, now)}</time>;
}

/** How long something has gone on. */
export function Since({ at }: { readonly at: string }): ReactNode {
  return <span className="num nowrap">{span(useNow(1000) - Date.parse(at))}</span>;
}

/** A time that matters: by both clocks, and how far it is. */
export function FullTime({ at }: { readonly at: string }): ReactNode {
  const chosen = clock.use();
  return (
    <time dateTime={at} className="num">
      {fullTime(at, chosen)}{' '}
      <span className="muted small">{fullTime(at, chosen === 'utc' ? 'local' : 'utc')}</span>{' '}
      <span className="muted small nowrap">(<Ago at={at} />)</span>
    </time>
  );
}
