// Loaded into a gateway with --import: its wall clock is so many milliseconds behind, as CLOCK_BEHIND says.
const behind = Number(process.env['CLOCK_BEHIND']);
const { now } = Date;
const Real = Date;
// @ts-expect-error What is called without `new` is not used anywhere.
globalThis.Date = class extends Real {
  /** @param {[]} given */
  constructor(...given) {
    // @ts-expect-error Passed on as it is.
    super(...(given.length === 0 ? [now() - behind] : given));
  }

  /** @override */
  static now() {
    return now() - behind;
  }
};
