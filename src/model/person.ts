/**
 * A human being who has proved themselves to one of `control.login`. Two people are the same when issuer and subject are equal; names and
 * e-mail addresses can be given to somebody else, so they are never compared.
 */
export interface Person {
  /** `control.login[].name`. */
  readonly provider: string;
  /** The verified `iss` of the ID token. */
  readonly issuer: string;
  /** The verified `sub`. */
  readonly subject: string;
  /** For people to read. Never compared. */
  readonly name: string;
  /** Groups as the configuration names them: `okta/dba`. As they were when the person last proved themselves. */
  readonly groups: readonly string[];
  /**
   * The same person's verified accounts where machines come from, by name of the identity provider (`control.login[].accounts`): what a
   * job's requester and author are compared with.
   */
  readonly accounts: Readonly<Record<string, string>>;
}

export const samePerson = (a: Pick<Person, 'issuer' | 'subject'>, b: Pick<Person, 'issuer' | 'subject'>): boolean => a.issuer === b.issuer && a.subject === b.subject;
