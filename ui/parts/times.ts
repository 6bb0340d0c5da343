/** Which clock times are shown by. */
export type Clock = 'local' | 'utc';

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** Parts of a time by a clock. */
const partsOf = (at: Date, clock: Clock): { readonly day: string; readonly time: string } =>
  clock === 'utc'
    ? { day: at.toISOString().slice(0, 10), time: at.toISOString().slice(11, 19) }
    : { day: `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`, time: `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}` };

/** `+02:00`, as the local clock stands at that time. */
export function offsetAt(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

/** Day and time, to the second, with its zone. */
export function fullTime(iso: string, clock: Clock): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const { day, time } = partsOf(at, clock);
  return `${day} ${time} ${clock === 'utc' ? 'UTC' : offsetAt(at)}`;
}

/** Short: the time alone for today, else the day with it. */
export function shortTime(iso: string, clock: Clock, now = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const { day, time } = partsOf(at, clock);
  return day === partsOf(now, clock).day ? time : `${day} ${time.slice(0, 5)}`;
}

/** The hour that begins then: `14:00`. */
export const hourOf = (iso: string, clock: Clock): string => `${partsOf(new Date(iso), clock).time.slice(0, 2)}:00`;

/** How long a number of milliseconds is, in at most two units. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes < 10 && seconds % 60 !== 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** `3 min ago`, `in 20 s`. */
export function fromNow(iso: string, now: number): string {
  const away = new Date(iso).getTime() - now;
  if (Number.isNaN(away)) return '';
  if (Math.abs(away) < 1000) return 'now';
  return away < 0 ? `${span(-away)} ago` : `in ${span(away)}`;
}
