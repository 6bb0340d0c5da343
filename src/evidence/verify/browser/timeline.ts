import type { CoverageReport } from '../pack/coverage.ts';
import { el, lasting, moment, svg } from './elements.ts';

const WIDTH = 1000;

/** When the gateway ran in a period, as a bar and in words. */
export const timeline = (report: CoverageReport, from: string, to: string): HTMLElement => {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const at = (time: string): number => Math.min(WIDTH, Math.max(0, ((Date.parse(time) - begin) / (end - begin)) * WIDTH));
  const stretch = (kind: string, since: string, until: string): SVGElement => svg('rect', { class: kind, x: at(since).toFixed(2), y: '0', width: Math.max(kind === 'run' ? 0 : 2, at(until) - at(since)).toFixed(2), height: '40' });
  const bar = svg('svg', { class: 'timeline', viewBox: `0 0 ${WIDTH} 40`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `Records from ${moment(report.first)} to ${moment(report.last)}; ${report.pauses.length} pauses and ${report.silences.length} silent periods, which are listed below` });
  bar.append(svg('rect', { class: 'none', x: '0', y: '0', width: String(WIDTH), height: '40' }));
  if (report.first !== null && report.last !== null) bar.append(stretch('run', report.first, report.last));
  for (const pause of report.pauses) bar.append(stretch('pause', pause.from, pause.to));
  for (const silence of report.silences) bar.append(stretch('silence', silence.from, silence.to));
  const rows = [
    ...report.pauses.map((pause) => [pause.stopped ? 'did not run (it was stopped)' : 'did not run (it ended without a stop)', pause.from, pause.to, pause.sequence] as const),
    ...report.silences.map((silence) => ['ran, but wrote nothing', silence.from, silence.to, silence.sequence] as const),
  ].sort((a, b) => a[3] - b[3]);
  const table = el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'The gateway'), el('th', { scope: 'col' }, 'From'), el('th', { scope: 'col' }, 'To'), el('th', { scope: 'col', class: 'number' }, 'For'))));
  const body = el('tbody');
  for (const [what, since, until] of rows) body.append(el('tr', {}, el('td', {}, what), el('td', {}, moment(since)), el('td', {}, moment(until)), el('td', { class: 'number' }, lasting(Date.parse(until) - Date.parse(since)))));
  table.append(body);
  return el(
    'div',
    {},
    bar,
    el('div', { class: 'ends' }, el('span', {}, moment(from)), el('span', {}, moment(to))),
    el('p', { class: 'soft' }, el('span', { class: 'key run' }), 'records', el('span', { class: 'key pause' }), 'did not run', el('span', { class: 'key silence' }), 'ran, but silent for more than 3 minutes'),
    rows.length > 0 ? el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Pauses and silent periods' }, table) : el('p', {}, `No pause and no silent period was found between ${moment(report.first)} and ${moment(report.last)}. The longest time without a record was ${lasting(report.longestSilenceMs)}.`),
  );
};
