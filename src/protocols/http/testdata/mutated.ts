import fc from 'fast-check';

/** Puts poison in at a place, over what stands there, or at the beginning of a line; or cuts all behind a place off. */
type Change = 'put' | 'over' | 'cut' | 'line';

interface Changes {
  /** What makes two readers see two messages. */
  readonly poison: readonly string[];
  /** Those that are named more often come more often. */
  readonly how: readonly Change[];
  /** At least so many. */
  readonly least: number;
}

/** Messages with bytes changed, cut, or put in: what is nearly a message is nearer to trouble than noise is. */
export const mutatedOf = (whole: fc.Arbitrary<string>, { poison, how: kinds, least }: Changes): fc.Arbitrary<Buffer> =>
  fc.tuple(whole, fc.array(fc.tuple(fc.nat(), fc.constantFrom(...poison), fc.constantFrom(...kinds)), { minLength: least, maxLength: 3 })).map(([message, changes]) => {
    let text = message;
    for (const [place, put, how] of changes) {
      const lines = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2);
      const at = how === 'line' && lines.length > 0 ? (lines[place % lines.length] as number) : place % (text.length + 1);
      if (how === 'cut') text = text.slice(0, at);
      else text = `${text.slice(0, at)}${put}${text.slice(how === 'over' ? at + put.length : at)}`;
    }
    return Buffer.from(text, 'latin1');
  });
