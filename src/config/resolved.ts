import type { CommandClass } from '../model/command.ts';
import type { Origin } from '../model/decision.ts';

/**
 * The configuration in force: defaults filled in, durations in milliseconds, sizes in bytes, paths absolute, and with the
 * file and line that each named thing stands at. What the rest of the gateway sees; nothing else reads YAML.
 */
export interface Config {
  /** SHA-256 (hex) of the canonical form: names one configuration in records. */
  readonly digest: string;
  readonly files: readonly string[];
  readonly gateway: GatewayConfig;
  readonly control: ControlConfig;
  readonly approvals: ApprovalsConfig;
  readonly identityProviders: readonly IdentityProviderConfig[];
  /** Those of `identityProviders` that vouch by certificates. Absent when there are none. */
  readonly certificateProviders?: readonly CertificateProviderConfig[];
  readonly identities: readonly IdentityConfig[];
  readonly connections: readonly ConnectionConfig[];
  readonly policies: readonly PolicyConfig[];
  readonly retention: readonly RetentionConfig[];
  readonly evidence: EvidenceConfig;
}

/** Who else keeps the checkpoints of the evidence log. */
export interface EvidenceConfig {
  readonly witnesses: readonly WitnessConfig[];
  /** How many of them make a checkpoint witnessed; 0 when there are none. */
  readonly quorum: number;
  readonly anchors: readonly AnchorConfig[];
}

export interface WitnessConfig {
  readonly name: string;
  /** Submission prefix, without a slash at its end. */
  readonly url: string;
  /** As a vkey of signed-note. */
  readonly key: string;
  readonly ca?: string;
  readonly origin: Origin;
}

/** `every` and `retain` in milliseconds. */
export type AnchorConfig = { readonly name: string; readonly every: number; readonly origin: Origin } & (
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'webhook'; readonly url: string; readonly ca?: string; readonly secret: SecretRef }
  | { readonly type: 'rfc3161'; readonly url: string; readonly ca?: string; readonly trust: string }
  | {
      readonly type: 's3';
      /** Address of the bucket, with a prefix as its path, without a slash at its end. */
      readonly url: string;
      readonly ca?: string;
      readonly region: string;
      readonly accessKey: SecretRef;
      readonly secretKey: SecretRef;
      readonly sessionToken?: SecretRef;
      readonly lock: 'compliance' | 'governance';
      readonly retain: number;
    }
);

export interface GatewayConfig {
  readonly data: string;
  readonly keys: string;
  /** Program and arguments. */
  readonly keyCommand?: readonly string[];
  readonly names: readonly string[];
  readonly tls: 'auto' | { readonly cert: string; readonly key: string };
  readonly limits: { readonly message: number; readonly statement: number; readonly connections: number; readonly preAuth: { readonly seconds: number; readonly bytes: number } };
  readonly reload: 'signal' | 'watch';
}

/** The address of the control plane, and the people who reach it. */
export interface ControlConfig {
  /** Undefined: off. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Without a slash at its end. */
  readonly url?: string;
  readonly login: readonly LoginConfig[];
  /** Groups of each role, as `login/group`. Empty: nobody has the role. */
  readonly roles: Readonly<Record<Role, readonly string[]>>;
  readonly channels: readonly ChannelConfig[];
}

export type Role = 'admin' | 'approver' | 'auditor' | 'viewer';

/** Where an issuer's keys come from. */
export type KeySource = { readonly from: 'discovery' } | { readonly from: 'url'; readonly url: string } | { readonly from: 'file'; readonly path: string };

/** An OIDC provider that people sign in with. Durations in milliseconds. */
export interface LoginConfig {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: a public client, which PKCE protects alone. */
  readonly clientSecret?: SecretRef;
  readonly scopes: readonly string[];
  /** Name of the claim of the ID token that lists the person's groups, without the leading `claims.`. */
  readonly groupsClaim: string;
  /** By name of the identity provider: the claim of the ID token, without the leading `claims.`, that holds the same person's account there. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly keys: KeySource;
  readonly maxTokenAge: number;
  readonly sessionAge: number;
  readonly idle: number;
  readonly ca?: string;
  readonly allowPrivate: boolean;
  readonly origin: Origin;
}

/** Where people are asked for approval. */
export type ChannelConfig = {
  readonly name: string;
  /** Whether the recorded form of the statement leaves the gateway this way. */
  readonly includeStatement: boolean;
  readonly ca?: string;
  readonly origin: Origin;
} & (
  | {
      readonly type: 'slack';
      readonly token: SecretRef;
      readonly signingSecret: SecretRef;
      /** Id of the Slack channel. */
      readonly channel: string;
      /** Base address of Slack's Web API, without a slash at its end. */
      readonly api: string;
      /** Whose accounts Slack users are: the login, and the claim of its ID token (without `claims.`) that holds the Slack user's id. Undefined: buttons only open the page. */
      readonly people?: { readonly login: string; readonly userClaim: string };
    }
  | { readonly type: 'webhook'; readonly url: string; readonly secret: SecretRef }
);

/** Who may not approve, and who may let something through alone. */
export interface ApprovalsConfig {
  readonly forbid: readonly Forbidden[];
  /** Groups as `login/group`. Empty: nobody. */
  readonly breakGlass: readonly string[];
}

export type Forbidden = 'requester' | 'owner' | 'author';

/** Who vouches by tokens. */
export interface IdentityProviderConfig {
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly keys: KeySource;
  readonly algorithms: readonly string[];
  readonly once: boolean;
  readonly maxTokenAge: number;
  readonly clockSkew: number;
  readonly maxKeyAge: number;
  readonly ca?: string;
  readonly allowPrivate: boolean;
  readonly origin: Origin;
}

/** Who vouches by certificates that clients show in TLS. Duration in milliseconds. */
export interface CertificateProviderConfig {
  readonly name: string;
  /** File of the trust anchors. */
  readonly ca: string;
  readonly crl?: string;
  readonly trustDomain?: string;
  readonly maxLifetime: number;
  readonly origin: Origin;
}

export interface IdentityConfig {
  readonly name: string;
  readonly owner: { readonly group?: string; readonly contact?: string };
  readonly purpose?: string;
  readonly provider: string;
  readonly claims: Readonly<Record<string, string | number | boolean>>;
  readonly when?: string;
  /** Name of the claim, without the leading `claims.`. */
  readonly requester?: string;
  /** Who wrote what runs, where that is somebody else. Name of the claim, without the leading `claims.`. */
  readonly author?: string;
  readonly groups: readonly string[];
  readonly origin: Origin;
}

/** Where a credential comes from. The value is read by `secrets/` alone. */
export type SecretRef = { readonly from: 'env'; readonly name: string } | { readonly from: 'file'; readonly path: string };

/** A configured target. What a protocol needs beside this stands under its own type. */
export type ConnectionConfig = PostgresConnectionConfig | HttpConnectionConfig;

interface ConnectionBasis {
  readonly name: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly plaintext: boolean;
  readonly evidence: { readonly mode: 'effect' | 'strict'; readonly recordAnswers: number };
  readonly origin: Origin;
}

interface TargetBasis {
  readonly host: string;
  readonly port: number;
  readonly tls: 'disable' | 'require' | 'verify-full';
  readonly ca?: string;
}

export interface PostgresConnectionConfig extends ConnectionBasis {
  readonly protocol: 'postgres';
  readonly target: TargetBasis & { readonly database: string };
  readonly credential: { readonly username: string; readonly password?: SecretRef };
  readonly functions: readonly string[];
}

export interface HttpConnectionConfig extends ConnectionBasis {
  readonly protocol: 'http';
  readonly target: TargetBasis;
  readonly credential: HttpCredentialConfig;
  readonly http: HttpConfig;
}

/** What only the gateway holds for an HTTP target, and how it is put on a request. Every value is read when it is needed and kept in memory only. */
export type HttpCredentialConfig =
  /** The target asks for none. */
  | { readonly type: 'none' }
  /** `Authorization: Bearer VALUE`. */
  | { readonly type: 'bearer'; readonly token: SecretRef }
  /** Any header, such as `X-Api-Key`. */
  | { readonly type: 'header'; readonly name: string; readonly value: SecretRef }
  /** RFC 7617. */
  | { readonly type: 'basic'; readonly username: string; readonly password: SecretRef }
  /** RFC 6749 section 4.4. `auth`: where the client secret goes, RFC 6749 section 2.3.1. */
  | { readonly type: 'oauth'; readonly tokenUrl: string; readonly clientId: string; readonly clientSecret: SecretRef; readonly scopes: readonly string[]; readonly audience?: string; readonly auth: 'basic' | 'post'; readonly ca?: string; readonly allowPrivate: boolean }
  /** A service account's JSON key, by the JWT grant of RFC 7523. `tokenUrl`: instead of the key's own. */
  | { readonly type: 'google'; readonly key: SecretRef; readonly scopes: readonly string[]; readonly tokenUrl?: string; readonly ca?: string; readonly allowPrivate: boolean }
  /** Microsoft Entra: a client secret, or an assertion of another issuer (federated credential). */
  | { readonly type: 'azure'; readonly tenant: string; readonly clientId: string; readonly clientSecret?: SecretRef; readonly assertion?: SecretRef; readonly scopes: readonly string[]; readonly authority: string; readonly ca?: string; readonly allowPrivate: boolean }
  /** AWS Signature Version 4. */
  | { readonly type: 'aws'; readonly accessKey: SecretRef; readonly secretKey: SecretRef; readonly sessionToken?: SecretRef; readonly region: string; readonly service: string };

/** Keys of the HTTP protocol. Sizes in bytes, durations in milliseconds. */
export interface HttpConfig {
  /** Hosts by which clients choose this connection at a shared address, lower case; `*.name` for all below a name. Empty: any. */
  readonly hosts: readonly string[];
  /** Clients reach it through the forward proxy at `listen`: as the target's own host, and as each of `hosts`. Without `hosts` in no other way. */
  readonly proxy: boolean;
  /** What the path must start with; taken off before anything else. Without a slash at its end; empty: none. */
  readonly prefix: string;
  /** Put before the path at the target. Without a slash at its end; empty: none. */
  readonly basePath: string;
  /** The `Host` that the target is told. Default: the target's own host and port. */
  readonly host?: string;
  /** Rule sets that say what a request does, the first that knows it counts: names of those that ship, or absolute paths. */
  readonly apis: readonly string[];
  /** SHA-256 (hex) over the rule sets that are files: other rules are another configuration. */
  readonly setsDigest?: string;
  /** A session without a request ends after this. */
  readonly sessionIdle: number;
  /** Largest request body that is read as a whole, for rules about fields, approvals and write-back. Beyond it such a request is refused. */
  readonly wholeBody: number;
  /** How long a target may take to begin its answer. */
  readonly answerWithin: number;
}

export interface PolicyConfig {
  readonly name: string;
  readonly groups: readonly string[];
  readonly identities: readonly string[];
  readonly connections: readonly string[];
  readonly allow: readonly Exclude<CommandClass, 'admin'>[];
  readonly rules: readonly RuleConfig[];
  readonly mask: readonly MaskConfig[];
  readonly limits: LimitsConfig;
  readonly origin: Origin;
}

export interface RuleConfig {
  readonly name: string;
  readonly match: { readonly verbs?: readonly string[]; readonly objects?: readonly string[]; readonly columns?: readonly string[]; readonly functions?: readonly string[]; readonly classes?: readonly string[]; readonly rows?: number; readonly request?: RequestMatchConfig };
  readonly when?: string;
  readonly effect: 'allow' | 'deny' | 'require_approval';
  readonly reason?: string;
  /** Present exactly when the effect is `require_approval`. */
  readonly approval?: ApprovalConfig;
  readonly origin: Origin;
}

/** What a rule says of an HTTP request. Every key given must match; within a list, one is enough. */
export interface RequestMatchConfig {
  readonly methods?: readonly string[];
  /** Hosts or `*.name`. */
  readonly hosts?: readonly string[];
  /** Path templates: `/v1/users/{id}`, `/files/**`. */
  readonly paths?: readonly string[];
  /** Query parameters by name: patterns with `*`; every value that came must match one. */
  readonly query?: Readonly<Record<string, readonly string[]>>;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  /** Fields of a JSON body, as `a.b`, `items.*.price`; values are compared as text, with `*`. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  /** GraphQL: `query`, `mutation`, `subscription`, `type:name` of the operation, or `type.field`. */
  readonly graphql?: readonly string[];
  /** gRPC: `package.Service/Method`, with `*`. */
  readonly grpc?: readonly string[];
}

/** Who answers a held command, and for how long things wait. Durations in milliseconds. */
export interface ApprovalConfig {
  /** As `login/group`. */
  readonly groups: readonly string[];
  /** How many people. */
  readonly count: number;
  readonly hold: number;
  readonly expires: number;
  readonly holdInTransaction: number;
  /** An approval covers the data that follows the command, up to so many bytes; undefined: it covers the command alone. */
  readonly coverData?: number;
}

export type TransformConfig = 'redact' | 'null' | 'hash' | { readonly partial: number } | { readonly fixed: string };

export interface MaskConfig {
  /** `policy/mask-name`, unique: names the rule in records. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly detect: readonly string[];
  /** Fields of bodies (JSON, NDJSON, form, CSV columns, events): `$.customer.ssn`, `$.items[*].card`, or by name anywhere, `password`, `*_token`. */
  readonly fields: readonly string[];
  /** What becomes of a body that cannot be understood, where this mask names fields or detectors. */
  readonly otherwise: 'refuse' | 'redact' | 'pass';
  readonly mode: 'strict' | 'display';
  readonly transform: TransformConfig;
  readonly origin: Origin;
}

/** How long what was recorded on these connections (`*`: all that no other entry names) is kept, in milliseconds; undefined: for ever. */
export interface RetentionConfig {
  readonly connections: readonly string[];
  readonly recordings?: number;
  readonly evidence?: number;
  readonly origin: Origin;
}

export interface LimitsConfig {
  readonly commandsPerMinute?: number;
  readonly rowsPerCommand?: number;
  readonly concurrentSessions?: number;
  readonly heldCommands?: number;
  /** Milliseconds. */
  readonly sessionAge?: number;
}
