/** More stands open than a gateway could hold. */
export class TooMuchOpen extends Error {}
