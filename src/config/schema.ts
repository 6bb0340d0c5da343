import Type, { type Static } from 'typebox';
import { Duration, Name, Names, Secret, Size, strict } from './fields.ts';
import { forms } from './forms.ts';
import { Credential, Http, RequestMatch } from './schema-http.ts';
import { Approval, Approvals, Control } from './schema-people.ts';

/**
 * The shape of the configuration, one doc on each key. The JSON schema and the reference page are generated from it.
 * Keys are the contract: add, do not rename.
 */
const GatewayLimits = Type.Object(
  {
    message: Type.Optional(Size('Largest protocol message. Default 16MiB.')),
    statement: Type.Optional(Size('Largest statement text. Default 1MiB.')),
    connections: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Most client connections at once. Default 5000.' })),
    preAuth: Type.Optional(
      Type.Object(
        {
          seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 300, description: 'Time to log in. Default 10.' })),
          bytes: Type.Optional(Size('Bytes a client may send before it is logged in. Default 64KiB.')),
        },
        { ...strict, description: 'What a client may use before it is logged in.' },
      ),
    ),
  },
  { ...strict, description: 'Bounds on what comes from the network.' },
);

export const Gateway = Type.Object(
  {
    data: Type.Optional(Type.String({ description: 'Folder for evidence, state and the generated CA. Relative to the configuration file. Default ./data.' })),
    keys: Type.Optional(Type.String({ description: 'Folder for sealing and signing keys. Start refuses if it lies inside data. Default ./keys.' })),
    keyCommand: Type.Optional(Names('A command, as a list and with its full path, that unwraps the key-encryption key: it gets keys/sealing.kek.wrapped on standard input and prints the key. For a key service; run at start, without a shell, for at most 30 seconds. Default: none, and keys/sealing.kek lies there in clear.')),
    names: Type.Optional(Names('Host names and addresses in the certificates that tls: auto issues. Default localhost and 127.0.0.1.')),
    tls: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Object({ cert: Type.String({ description: 'PEM certificate chain file.' }), key: Type.String({ description: 'PEM private key file.' }) }, strict)], {
        description: 'auto: an own CA issues the certificates (default). Or a certificate and key of yours.',
      }),
    ),
    limits: Type.Optional(GatewayLimits),
    reload: Type.Optional(Type.Union([Type.Literal('signal'), Type.Literal('watch')], { description: 'signal (default): SIGHUP or wicketgate reload. watch: also on an atomic rename of a file.' })),
  },
  { ...strict, description: 'The gateway itself.' },
);

export const CertificateTrust = Type.Object(
  {
    ca: Type.String({ minLength: 1, description: 'PEM file of the CAs that vouch: every chain must lead to one of them. Read again when it changes.' }),
    crl: Type.Optional(Type.String({ minLength: 1, description: 'File of certificate revocation lists (PEM, one after another, or DER). Read again when it changes. With it, each certificate of a chain needs a current list of its issuer; without it only short lives and wicketgate identities revoke end a certificate.' })),
    trustDomain: Type.Optional(Type.String({ pattern: forms.trustDomain.pattern, description: 'SPIFFE trust domain that the CAs are for: certificates must be X509-SVIDs of it (one URI, spiffe://TRUSTDOMAIN/path).' })),
    maxLifetime: Type.Optional(Duration('Longest time from notBefore to notAfter that a certificate may have. Default 25h.')),
  },
  { ...strict, description: 'Certificates that clients show in TLS.' },
);

const IdentityProvider = Type.Object(
  {
    name: Name('Name of the provider.'),
    issuer: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'OIDC, required: the exact `iss` of its tokens. http only for loopback addresses.' })),
    audience: Type.Optional(Type.String({ minLength: 1, description: 'OIDC, required: the one audience that a token must have, exactly this and no other.' })),
    certificates: Type.Optional(CertificateTrust),
    jwks: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'Key set address, instead of discovery.' })),
    jwksFile: Type.Optional(Type.String({ description: 'Key set file, instead of discovery. Read again when it changes.' })),
    algorithms: Type.Optional(Names('Signature algorithms that are accepted. Default RS256, PS256, ES256, ES384, EdDSA. Symmetric ones are refused.')),
    once: Type.Optional(Type.Boolean({ description: 'true: a token opens one session only. Default false.' })),
    maxTokenAge: Type.Optional(Duration('Oldest token by its iat. Default 1h.')),
    clockSkew: Type.Optional(Duration('Tolerated difference of clocks, at most 60s. Default 30s.')),
    maxKeyAge: Type.Optional(Duration('How long known keys serve while the issuer cannot be reached; after that its tokens are refused. Default 24h.')),
    ca: Type.Optional(Type.String({ description: 'PEM file of the CA of the issuer.' })),
    allowPrivate: Type.Optional(Type.Boolean({ description: 'true: keys may be fetched from private and loopback addresses (link-local and metadata addresses stay refused). Default false.' })),
  },
  { ...strict, description: 'Who vouches for machines: an OIDC issuer, or, with certificates, the CAs of client certificates.' },
);

export const Identity = Type.Object(
  {
    name: Name('Name of the identity; goes into records and into the target\'s own log.'),
    owner: Type.Object({ group: Type.Optional(Type.String({ description: 'Group of the accountable people, as LOGIN/GROUP. They may not approve what the identity does (approvals.forbid).' })), contact: Type.Optional(Type.String({ description: 'How to reach them.' })) }, { ...strict, minProperties: 1, description: 'Who is accountable. Required.' }),
    purpose: Type.Optional(Type.String({ description: 'What the identity is for.' })),
    provider: Type.String({ description: 'Name of the identity provider.' }),
    claims: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { minProperties: 1, description: 'Claims that must all be equal, by value and type. A claim of a nested object is written a.b; use "\\." for a dot in a name. Of a certificate: uri, dns, email, subject.cn and others, serial, fingerprint, issuer.' }),
    when: Type.Optional(Type.String({ description: 'CEL over `claims` that must be true as well.' })),
    requester: Type.Optional(Type.String({ description: 'claims.NAME of the account of the person who started the job, at this provider. Such a person may not approve what the job does (approvals.forbid).' })),
    author: Type.Optional(Type.String({ description: 'claims.NAME of the account of the person who wrote what the job runs, where that is somebody else.' })),
    groups: Type.Optional(Names('Groups that policies can name.')),
  },
  { ...strict, description: 'A verified token or certificate becomes a named principal when exactly one identity matches it.' },
);

export const Target = Type.Object(
  {
    host: Type.String({ minLength: 1, description: 'Host name or address. postgres: a path that starts with / is the folder of a Unix socket.' }),
    port: Type.Integer({ minimum: 1, maximum: 65535, description: 'Port.' }),
    database: Type.Optional(Type.String({ minLength: 1, description: 'postgres, required: database.' })),
    tls: Type.Optional(Type.Union([Type.Literal('disable'), Type.Literal('require'), Type.Literal('verify-full')], { description: 'disable, require (encrypted, not verified) or verify-full (default).' })),
    ca: Type.Optional(Type.String({ description: 'PEM file of the CA that signed the target\'s certificate. Default: the system\'s.' })),
  },
  { ...strict, description: 'What the connection leads to.' },
);

const ConnectionEvidence = Type.Object(
  {
    mode: Type.Optional(Type.Union([Type.Literal('effect'), Type.Literal('strict')], { description: 'effect (default): durable before anything takes effect or is answered. strict: durable before any byte reaches the target.' })),
    recordAnswers: Type.Optional(Type.Union([Type.Literal('off'), Size('Up to this size.')], { description: 'Answers are recorded masked up to this size each; beyond: marker and digest. So is what a client sends behind a command (rows of COPY, bodies of requests), of which 128MiB are kept at most. At most 512MiB; off records counts only. Default 1MiB.' })),
  },
  { ...strict, description: 'How the connection is recorded.' },
);

export const Connection = Type.Object(
  {
    name: Name('Name of the connection.'),
    protocol: Type.Union([Type.Literal('postgres'), Type.Literal('http')], { description: 'postgres or http. (mysql, sqlserver, ssh and kubernetes are planned.)' }),
    listen: Type.String({ description: 'host:port. Connections of one protocol may share one and are then chosen: postgres by SNI (name.anything) or by database name, http by http.hosts and http.prefix, or through the forward proxy by the host and port that the client asks for (http.proxy).' }),
    plaintext: Type.Optional(Type.Boolean({ description: 'true: clients may come without TLS. Loopback only. Default false.' })),
    target: Target,
    credential: Credential,
    evidence: Type.Optional(ConnectionEvidence),
    functions: Type.Optional(Names('postgres: functions of the target that you vetted, as schema.name(argument types): known, and writing.')),
    http: Type.Optional(Http),
  },
  { ...strict, description: 'A configured target: protocol, address, credential.' },
);

export const Match = Type.Object(
  {
    verbs: Type.Optional(Names('Verbs, by what is done: select, insert, update, delete, truncate, create, alter, drop, grant, ... or *. http: verbs of the connection\'s rule sets (read, list, write, delete, publish, ...) and methods in lower case.')),
    objects: Type.Optional(Names('Kinds (table, view, database, role, ...; http: bucket, object, topic, ...), names or patterns (customers, billing.*), or kind:pattern.')),
    columns: Type.Optional(Names('Columns or patterns: customers.ssn, *.password.')),
    functions: Type.Optional(Names('Functions or patterns: billing.close_month, pg_catalog.*.')),
    classes: Type.Optional(Names('Classes: read, write, schema, session, unknown, admin.')),
    rows: Type.Optional(Type.String({ pattern: forms.threshold.pattern, description: 'More rows than this, as "> 1000". For require_approval and deny: what cannot be counted counts as more.' })),
    request: Type.Optional(RequestMatch),
  },
  { ...strict, minProperties: 1, description: 'What a rule matches. Every key given must match; within a list, one is enough.' },
);

export const Rule = Type.Object(
  {
    name: Name('Name of the rule, in refusals and records.'),
    match: Type.Optional(Match),
    when: Type.Optional(Type.String({ description: 'CEL over identity, claims, connection, statement, session and now. An error in it counts as a match of deny and as no match of allow.' })),
    effect: Type.Union([Type.Literal('allow'), Type.Literal('deny'), Type.Literal('require_approval')], { description: 'allow grants. require_approval grants what people approve. deny always wins.' }),
    reason: Type.Optional(Type.String({ description: 'Told to the client in a refusal.' })),
    approval: Type.Optional(Approval),
  },
  { ...strict, description: 'An exception to the classes of allow.' },
);

export const Transform = Type.Union(
  [
    Type.Literal('redact', { description: 'A constant of the column\'s type.' }),
    Type.Literal('null', { description: 'NULL.' }),
    Type.Literal('hash', { description: 'A keyed hash (HMAC-SHA-256): equal values stay equal.' }),
    Type.Object({ partial: Type.Integer({ minimum: 1, maximum: 16, description: 'Characters kept at the end.' }) }, strict),
    Type.Object({ fixed: Type.String({ description: 'This text.' }) }, strict),
  ],
  { description: 'What stands in the value\'s place.' },
);

const Mask = Type.Object(
  {
    name: Type.Optional(Name('Name of the mask, in records. Default: its place in the list.')),
    columns: Type.Optional(Names('Columns or patterns: customers.ssn, *.password, billing.customers.*.')),
    fields: Type.Optional(Names('http: fields of JSON, form, CSV and event bodies: by path ($.customer.ssn, $.items[*].card), or by name wherever it stands (password, *_token).')),
    detect: Type.Optional(Names('Detectors on text, in cells and in bodies: us_ssn credit_card email phone iban ip jwt cloud_key private_key.')),
    mode: Type.Optional(Type.Union([Type.Literal('strict'), Type.Literal('display')], { description: 'strict (default): a statement that could learn a protected value in another way is refused. display: only direct columns are masked.' })),
    transform: Type.Optional(Transform),
    otherwise: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('redact'), Type.Literal('pass')], { description: 'http: what becomes of a body that cannot be understood: refuse (default), redact (nothing of it is given) or pass. Only pass lets a value through that the mask names.' })),
  },
  { ...strict, description: 'What is masked in answers. Give columns, fields or detect.' },
);

export const Limits = Type.Object(
  {
    commandsPerMinute: Type.Optional(Type.Integer({ minimum: 1, description: 'Commands a minute for each identity on each connection.' })),
    rowsPerCommand: Type.Optional(Type.Integer({ minimum: 1, description: 'Rows that one command may return or change; the answer ends with 54000 beyond it, a change is refused or undone with 42501.' })),
    concurrentSessions: Type.Optional(Type.Integer({ minimum: 1, description: 'Sessions of one identity at once.' })),
    heldCommands: Type.Optional(Type.Integer({ minimum: 1, description: 'Commands held for approval at once, of one identity on one connection; further ones are refused at once. Default 100.' })),
    sessionAge: Type.Optional(Duration('Longest life of a session.')),
  },
  { ...strict, description: 'Limits for each identity and connection. The strictest of all that apply wins.' },
);

export const Policy = Type.Object(
  {
    name: Name('Name of the policy.'),
    groups: Type.Optional(Names('Groups of identities it is for.')),
    identities: Type.Optional(Names('Identities it is for.')),
    connections: Names('Connections it is for, or *.'),
    allow: Type.Optional(Type.Array(Type.Union([Type.Literal('read'), Type.Literal('write'), Type.Literal('schema'), Type.Literal('session'), Type.Literal('unknown')]), { description: 'Classes that are granted. admin is granted only by a rule.' })),
    rules: Type.Optional(Type.Array(Rule, { description: 'Rules.' })),
    mask: Type.Optional(Type.Array(Mask, { description: 'Masks.' })),
    limits: Type.Optional(Limits),
  },
  { ...strict, description: 'Every policy that names the identity (or one of its groups) and the connection applies, all together.' },
);

export const Witness = Type.Object(
  {
    name: Name('Name of the witness, in records, metrics and alerts.'),
    url: Type.String({ pattern: forms.webAddress.pattern, description: 'Its submission prefix: checkpoints are posted to URL/add-checkpoint.' }),
    key: Type.String({ pattern: forms.witnessKey.pattern, description: 'Its public key, as `wicketgate witness` prints it: NAME+KEYID+BASE64, type Ed25519 cosignature.' }),
    ca: Type.Optional(Type.String({ description: 'PEM file of the CA of its certificate. Default: the system\'s.' })),
  },
  { ...strict, description: 'Somebody else who cosigns the checkpoints of the evidence log (tlog-witness).' },
);

export const Anchor = Type.Object(
  {
    name: Name('Name of the anchor, in metrics, alerts and folders.'),
    type: Type.Union([Type.Literal('file'), Type.Literal('webhook'), Type.Literal('rfc3161'), Type.Literal('s3')], { description: 'file: copies to a folder elsewhere. webhook: a signed POST. rfc3161: a time-stamp of an authority. s3: an object that is locked against change.' }),
    every: Type.Optional(Duration('How often, at least 10s. Default 1m for file and webhook, 1h for rfc3161 and s3.')),
    path: Type.Optional(Type.String({ minLength: 1, description: 'file: the folder. Made when missing; its parent must be there.' })),
    url: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'webhook and rfc3161: where to post. s3: address of the bucket, with a path for a prefix: https://BUCKET.s3.REGION.amazonaws.com/PREFIX or https://HOST/BUCKET/PREFIX.' })),
    ca: Type.Optional(Type.String({ description: 'webhook, rfc3161, s3: PEM file of the CA of the server\'s certificate. Default: the system\'s.' })),
    trust: Type.Optional(Type.String({ description: 'rfc3161, required: PEM file of the CAs that certify the authority. A token that does not lead to one of them is refused.' })),
    secret: Type.Optional(Secret('webhook, required: key of the HMAC.')),
    region: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,40}$', description: 's3, required: region, for the signature.' })),
    accessKey: Type.Optional(Secret('s3, required: access key id.')),
    secretKey: Type.Optional(Secret('s3, required: secret access key.')),
    sessionToken: Type.Optional(Secret('s3: session token of temporary credentials.')),
    lock: Type.Optional(Type.Union([Type.Literal('compliance'), Type.Literal('governance')], { description: 's3: mode of the object lock. Default compliance: nobody can remove the object before its time.' })),
    retain: Type.Optional(Duration('s3, required: how long the object is locked.')),
  },
  { ...strict, description: 'Another place that keeps checkpoints of the evidence log.' },
);

export const Evidence = Type.Object(
  {
    witnesses: Type.Optional(Type.Array(Witness, { description: 'Who cosigns checkpoints. At most 16.' })),
    quorum: Type.Optional(Type.Integer({ minimum: 1, maximum: 16, description: 'How many witnesses make a checkpoint witnessed. Default: all.' })),
    anchors: Type.Optional(Type.Array(Anchor, { description: 'Where else checkpoints are kept. At most 16.' })),
  },
  { ...strict, description: 'Who else keeps what the evidence log says. None of them is ever waited for: what is late is told.' },
);

export const Retention = Type.Object(
  {
    connections: Names('Connections, or *. An entry that names a connection goes before one with *. A connection stands in one entry only.'),
    recordings: Type.Optional(Duration('How long statements, parameters and answers are kept, counted from the end of their UTC day; at least 1d. Then a purge may destroy their keys. Left out: for ever.')),
    evidence: Type.Optional(Duration('How long records (who, what, when, decision, outcome; no texts) are to be kept; at least as long as recordings. This version never deletes records, so it is always kept to.')),
  },
  { ...strict, description: 'How long what was recorded on some connections is kept.' },
);

export const Configuration = Type.Object(
  {
    version: Type.Literal(1, { description: 'Version of the format: 1.' }),
    gateway: Type.Optional(Gateway),
    control: Type.Optional(Control),
    identityProviders: Type.Array(IdentityProvider, { minItems: 1, description: 'Who vouches for machines.' }),
    identities: Type.Array(Identity, { description: 'Who is known.' }),
    connections: Type.Array(Connection, { minItems: 1, description: 'What can be reached.' }),
    policies: Type.Array(Policy, { description: 'Who may do what. Without one, nobody may do anything.' }),
    approvals: Type.Optional(Approvals),
    evidence: Type.Optional(Evidence),
    retention: Type.Optional(Type.Array(Retention, { description: 'How long what was recorded is kept. A connection that no entry names, by name or by *, is kept for ever. Nothing goes by itself: wicketgate evidence purge does it.' })),
  },
  { ...strict, title: 'Wicketgate configuration' },
);

/** The configuration as written, after merging files. */
export type ConfigurationSource = Static<typeof Configuration>;
