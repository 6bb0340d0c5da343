import type { StatementFacts } from '../../sql/facts.ts';
import type { Understood } from '../../sql/understand.ts';
import type { Admission, Wait } from './admission.ts';
import type { Link } from './link.ts';

/*
 * What EXECUTE and FETCH stand for is understood when they are bound, and the server looks their names up only when they are executed: by then
 * the names may have been defined anew.
 */

/** What names in a statement stood for when it was admitted, as the texts that defined them. */
export interface Standing {
  readonly outer: Understood;
  readonly texts: readonly (Buffer | undefined)[];
}

const textsBehind = ({ prepared, portals }: Link, { statements }: Understood): (Buffer | undefined)[] =>
  statements.flatMap(({ facts: { named } }) => (named?.kind === 'execute' ? [prepared.get(named.name ?? '')?.text] : named?.kind === 'fetch' ? [portals.get(named.name ?? '')?.text] : []));

/** EXECUTE, FETCH and what holds them. */
export const standsForOthers = ({ statements }: Understood): boolean => statements.some(({ facts: { named } }) => named?.kind === 'execute' || named?.kind === 'fetch');

/** SQL that defines or drops names of statements and cursors. */
export const definesNames = ({ tag, named }: StatementFacts): boolean => tag.startsWith('discard') || (named !== undefined && named.kind !== 'execute' && named.kind !== 'fetch');

/** @param outer as it came, before anything was put in the place of names */
export const standingOf = (link: Link, outer: Understood): Standing | undefined => (standsForOthers(outer) ? { outer, texts: textsBehind(link, outer) } : undefined);

/** Each definition is a text of its own, also when it says the same. */
export const stillStands = (link: Link, { outer, texts }: Standing): boolean => textsBehind(link, outer).every((text, at) => text !== undefined && text === texts[at]);

/** Goes on when it is known what the names stand for that the open series has defined. */
export const whenNamed = async (admission: Admission, then: () => Wait): Promise<void> => {
  await admission.flushed();
  const { link, series } = admission;
  if (link.copyIn) return admission.violation('a message came in the middle of COPY data');
  // Something before it has failed: the server drops it as well.
  if (series.discarding || link.owed.skipping) return;
  series.definesNames = false;
  await then();
};
