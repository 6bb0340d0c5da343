import fc from 'fast-check';

/** What statements are made from. Fewer and smaller numbers make a simpler statement, so that what fails shrinks to little. */
export const numbers = fc.array(fc.nat(100_000), { minLength: 20, maxLength: 220, size: 'max' });
