/** A piece of a text as it is shown: as it is, written out because it would not be seen or would act on the rest, or hidden by the gateway. */
export interface Piece {
  readonly kind: 'text' | 'escape' | 'hidden';
  readonly text: string;
}

/*
 * What is written out as \u{...}: control characters but newline and tab, lone surrogates, marks that change direction, what has no width
 * or is not drawn (joiners, fillers, variation selectors, tags), and every space but the ordinary one.
 */
const UNSEEN = String.raw`[[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]--[ \n\t]]`;
/** What the gateway writes in the place of a value that it does not show. */
const MARKER = String.raw`<(?:literal|value):[a-z0-9_ ]{1,64}>|<copy:binary [0-9]{1,20}>`;
const SPECIAL = new RegExp(`(?<escape>(?:${UNSEEN})+)|(?<hidden>${MARKER})`, 'gv');

const written = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Cuts a text into pieces. Whatever the text is, the pieces hold no character that is not seen. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(SPECIAL)) {
    if (match.index > from) pieces.push({ kind: 'text', text: text.slice(from, match.index) });
    if (match.groups?.['hidden'] !== undefined) pieces.push({ kind: 'hidden', text: match[0] });
    else pieces.push({ kind: 'escape', text: Array.from(match[0], written).join('') });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push({ kind: 'text', text: text.slice(from) });
  return pieces;
}

/** The text with all that would not be seen written out. */
export const visible = (text: string): string => piecesOf(text).map((piece) => piece.text).join('');

/** The beginning of a text in one line, not yet made visible. */
export function oneLine(text: string, most = 200): string {
  const line = text.slice(0, most * 4).replaceAll(/[ \t]*\n[ \t\n]*|\t+/g, ' ').trim();
  return line.length > most || text.length > most * 4 ? `${line.slice(0, cutAt(line, most))}…` : line;
}

/** How many values are hidden in it. */
export const hiddenIn = (text: string): number => piecesOf(text).filter(({ kind }) => kind === 'hidden').length;

/** Where to cut a long text at or before `at`: after a line if one ends near, and never within a character or a marker. */
export function cutAt(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const line = text.lastIndexOf('\n', at - 1);
  if (line > at - 500 && line >= 0) return line + 1;
  const open = text.lastIndexOf('<', at);
  if (open > at - 80 && open > 0 && text.indexOf('>', open) >= at) return open;
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xd800 && unit <= 0xdbff && at > 1 ? at - 1 : at;
}
