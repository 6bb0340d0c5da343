/** What keeps the gateway from serving well; empty when ready. */
export interface Readiness {
  readonly ready: boolean;
  readonly details: Readonly<Record<string, string>>;
}
