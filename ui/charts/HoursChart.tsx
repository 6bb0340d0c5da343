import { useId, useState, type ReactNode } from 'react';
import type { HourOfCommands } from '../api/types.ts';
import { clock } from '../parts/Time.tsx';
import { hourOf } from '../parts/times.ts';
import { count } from '../parts/words.ts';
import './charts.css';

const WIDTH = 720;
const HEIGHT = 66;

/** A round number at or above the greatest: where the scale ends. */
function niceMax(greatest: number): number {
  if (greatest <= 4) return 4;
  const step = 10 ** Math.floor(Math.log10(greatest));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * step).find((value) => value >= greatest) ?? greatest;
}

/**
 * Commands by hour: was more done, or more refused, than usual? Each has a scale of its own, as a few refusals would be lost below
 * thousands of commands. The numbers are there as a table too.
 */
export function HoursChart({ hours }: { readonly hours: readonly HourOfCommands[] }): ReactNode {
  const zone = clock.use();
  const [at, setAt] = useState<number>();
  const id = useId();
  const hour = at === undefined ? undefined : hours[at];
  const total = (of: 'allowed' | 'refused'): number => hours.reduce((sum, one) => sum + one[of], 0);
  return (
    <div className="chart" onPointerLeave={() => setAt(undefined)}>
      <div className="chart-said small num" aria-hidden>
        {hour ? <><strong>{hourOf(hour.hour, zone)}</strong> {count(hour.allowed)} let through, {count(hour.refused)} refused</> : <span className="muted">Point at an hour for its numbers</span>}
      </div>
      <Bars title="Let through" tone="ok" values={hours.map(({ allowed }) => allowed)} at={at} onAt={setAt} labelled={`${id}-allowed`} sum={total('allowed')} />
      <Bars title="Refused" tone="bad" values={hours.map(({ refused }) => refused)} at={at} onAt={setAt} labelled={`${id}-refused`} sum={total('refused')} />
      <div className="chart-axis small muted num" aria-hidden>
        {[0, 0.25, 0.5, 0.75].map((part) => hours[Math.floor(part * hours.length)]).map((one, index) => <span key={index}>{one && hourOf(one.hour, zone)}</span>)}
        <span>now</span>
      </div>
      <details className="small">
        <summary>As a table</summary>
        <table className="chart-table num">
          <caption className="unseen">Commands by hour</caption>
          <thead><tr><th scope="col">Hour</th><th scope="col">Let through</th><th scope="col">Refused</th></tr></thead>
          <tbody>{hours.toReversed().map((one) => <tr key={one.hour}><th scope="row">{hourOf(one.hour, zone)}</th><td>{count(one.allowed)}</td><td>{count(one.refused)}</td></tr>)}</tbody>
        </table>
      </details>
    </div>
  );
}

function Bars({ title, tone, values, at, onAt, labelled, sum }: { readonly title: string; readonly tone: 'ok' | 'bad'; readonly values: readonly number[]; readonly at: number | undefined; readonly onAt: (at: number) => void; readonly labelled: string; readonly sum: number }): ReactNode {
  const most = niceMax(Math.max(...values, 0));
  const step = WIDTH / Math.max(1, values.length);
  return (
    <div className="bars">
      <div className="row spread small"><span id={labelled}><strong>{title}</strong> <span className="num">{count(sum)}</span></span><span className="muted num">up to {count(most)} an hour</span></div>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-labelledby={labelled} className="bars-drawing">
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="bars-line" />
        <line x1="0" x2={WIDTH} y1="0.5" y2="0.5" className="bars-line bars-top" />
        {values.map((value, index) => {
          const height = value === 0 ? 0 : Math.max(1.5, (value / most) * HEIGHT);
          return (
            <g key={index} onPointerEnter={() => onAt(index)}>
              <rect x={index * step} y="0" width={step} height={HEIGHT} className={at === index ? 'bars-ground bars-here' : 'bars-ground'} />
              <rect x={index * step + step * 0.14} y={HEIGHT - height} width={step * 0.72} height={height} className={`bars-${tone}`} />
            </g>
          );
        })}
      </svg>
    </div>
  );
}
