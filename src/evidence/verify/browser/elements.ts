type Child = Node | string | undefined;

/** An element with its attributes and children. Text is only ever text: nothing of a pack becomes markup. */
export const el = (tag: string, attributes: Readonly<Record<string, string>> = {}, ...children: readonly Child[]): HTMLElement => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child !== undefined) element.append(child);
  return element;
};

/** The same of a drawing. */
export const svg = (tag: string, attributes: Readonly<Record<string, string>>, ...children: readonly Node[]): SVGElement => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text of a pack with all that would not be seen, or would turn the text around, written out. */
export const shown = (value: unknown): string => String(value).toWellFormed().replace(UNSEEN, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);

/** A list of terms and what they are; what is empty is left out. */
export const facts = (entries: readonly (readonly [string, Child])[]): HTMLElement => {
  const list = el('dl');
  for (const [term, value] of entries) if (value !== undefined && value !== '') list.append(el('dt', {}, term), el('dd', {}, value));
  return list;
};

export const code = (text: string): HTMLElement => el('code', {}, shown(text));

/** With thin spaces between thousands. */
export const number = (value: number): string => String(value).replace(/\B(?=(?:\d{3})+$)/g, '\u202f');

/** `2026-11-02 08:15:00 UTC`. */
export const moment = (time: string | null): string => (time === null ? '-' : shown(time).replace('T', ' ').replace(/\.\d{3}Z$/, ' UTC'));

export const lasting = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  if (seconds < 300) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
};
