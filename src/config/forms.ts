/** The forms that texts of the configuration take, each with the words for one that does not fit. All patterns take linear time. */
export interface Form {
  readonly pattern: string;
  /** Completes "expected ...". */
  readonly expected: string;
  /** Said instead of "expected ...". */
  readonly refusal?: string;
  readonly hint?: string;
}

export const forms = {
  name: {
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
    expected: 'a name',
    hint: 'letters, digits, dot, underscore and dash, beginning with a letter or digit, at most 63',
  },
  duration: { pattern: '^[0-9]+(ms|s|m|h|d|y)$', expected: 'a duration such as 30s, 10m, 12h, 400d' },
  size: { pattern: '^[0-9]+(B|KiB|MiB|GiB)$', expected: 'a size such as 64KiB, 16MiB' },
  secret: {
    pattern: '^(env|file):.+$',
    expected: 'a reference, env:NAME or file:PATH',
    refusal: 'a literal credential is not accepted',
    hint: 'write env:NAME or file:PATH and keep the value there',
  },
  urlPath: { pattern: '^/[^?#\\s]{0,1023}$', expected: 'a path that begins with a slash', hint: 'such as /billing, without a query' },
  hostHeader: { pattern: '^[A-Za-z0-9._\\[\\]:-]{1,260}$', expected: 'a host, or host:port' },
  headerName: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$", expected: 'the name of a header', hint: 'such as X-Api-Key' },
  tenant: { pattern: '^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$', expected: 'the id or domain of a tenant' },
  region: { pattern: '^[a-z0-9-]{1,40}$', expected: 'lower-case letters, digits and dashes' },
  webAddress: { pattern: '^https?://', expected: 'an address that begins with https://' },
  witnessKey: {
    pattern: '^[^+\\s]{1,200}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/]{44}$',
    expected: 'a key NAME+KEYID+BASE64',
    hint: 'wicketgate witness prints it; the key of an Ed25519 cosigner ends in 44 characters of base64',
  },
  peopleGroup: {
    // Groups of some providers are paths or have spaces; what matters is where the login's name ends.
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}/[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]{1,256}$',
    expected: 'a group of people, LOGIN/GROUP',
    hint: 'the name of one of control.login, a slash, and the group as its tokens name it, such as okta/dba',
  },
  slackChannel: { pattern: '^[CGD][A-Z0-9]{2,30}$', expected: 'the id of a Slack channel', hint: 'not its name: Slack shows the id, such as C0123ABCD, in the details of the channel' },
  trustDomain: { pattern: '^[a-z0-9._-]{1,255}$', expected: 'a SPIFFE trust domain', hint: 'lower-case letters, digits, dots, dashes and underscores, such as prod.acme.example; without spiffe://' },
  threshold: { pattern: '^> ?[0-9]+$', expected: 'a threshold such as "> 1000"' },
} as const satisfies Record<string, Form>;

/** The form whose pattern this is. */
export const formOf = (pattern: string): Form | undefined => Object.values(forms).find((form) => form.pattern === pattern);
