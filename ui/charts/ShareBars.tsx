import type { ReactNode } from 'react';
import { count } from '../parts/words.ts';
import './charts.css';

/** Amounts beside each other, the greatest first. A list: the numbers are its text, the bars only help the eye. */
export function ShareBars({ label, of }: { readonly label: string; readonly of: readonly { readonly id: string; readonly name: ReactNode; readonly value: number }[] }): ReactNode {
  const most = Math.max(1, ...of.map(({ value }) => value));
  return (
    <ul className="plain-list shares" aria-label={label}>
      {of.map(({ id, name, value }) => (
        <li key={id} className="share">
          <span className="share-name">{name}</span>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" className="share-bar" aria-hidden><rect width={(value / most) * 100} height="8" rx="1.5" className="bars-info" /></svg>
          <span className="num share-value">{count(value)}</span>
        </li>
      ))}
    </ul>
  );
}
