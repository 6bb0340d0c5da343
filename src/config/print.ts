import { chosenBy, credentialWords, httpLines, requestParts } from './print-http.ts';
import { approvalLines, peopleSections } from './print-people.ts';
import { withoutControls } from './problems.ts';
import { isHttp } from './protocols.ts';
import type { AnchorConfig, CertificateProviderConfig, Config, ConnectionConfig, IdentityConfig, IdentityProviderConfig, MaskConfig, PolicyConfig, RuleConfig, TransformConfig, WitnessConfig } from './resolved.ts';
import { indent, section } from './sections.ts';
import { formatSecretRef } from './secret-ref.ts';
import { asSource } from './source.ts';
import { formatDuration, formatHostPort, formatSize } from './units.ts';

/** What each mode of a mask still lets through, said where people decide on it. */
export const acceptedLeaks = {
  strict:
    'of the values, nothing: a statement that could learn one in another way (predicate, ordering, aggregate, cast, join, function) is refused. It still shows: that the columns exist, how many rows there are, whether a value is NULL where the transform keeps NULL, and with hash which rows have equal values.',
  display:
    'direct columns are replaced, and that is all: predicates, ordering, grouping, aggregates, joins, expressions and errors can reveal values. For showing fewer secrets by accident, not against someone who wants them.',
  fields: 'values of these fields of bodies are replaced: the same value under another name, in an address, a header or a body of another form is not.',
  detect: 'values are found by their form in text, in cells and in bodies: one in another form, encoding or type is not found, and predicates, ordering and lengths can reveal it.',
} as const;

/** What is in force, resolved, for people: every named thing with its file and line. Holds references to credentials, never values. */
export function print(config: Config): string {
  return [
    `configuration ${config.digest}`,
    ...config.files.map((file) => `  ${file}`),
    '',
    'gateway',
    ...indent(gatewayLines(config)),
    ...section('identity providers', config.identityProviders, providerLines),
    ...(config.certificateProviders === undefined ? [] : section('certificate providers', config.certificateProviders, certificateLines)),
    ...section('identities', config.identities, (identity) => identityLines(identity, config.policies)),
    ...section('connections', config.connections, (connection) => connectionLines(connection, config.connections)),
    ...section('policies', config.policies, (policy) => policyLines(policy, config)),
    ...peopleSections(config),
    '',
    'retention',
    ...indent(retentionLines(config)),
    ...section('witnesses', config.evidence.witnesses, witnessLines),
    ...(config.evidence.quorum === 0 ? [] : [`  ${config.evidence.quorum} of ${config.evidence.witnesses.length} make a checkpoint witnessed`]),
    ...section('anchors', config.evidence.anchors, anchorLines),
    '',
    ...leakLines(config),
  ]
    .map(withoutControls)
    .join('\n');
}

/** The same for programs, as JSON values: `configuration` can be loaded again, and `origins` says where each named thing stands. */
export function describe(config: Config): Readonly<Record<string, unknown>> {
  const origins = (list: readonly { readonly name: string; readonly origin: { readonly file: string; readonly line: number } }[]): Record<string, string> =>
    Object.fromEntries(list.map(({ name, origin }) => [name, `${origin.file}:${origin.line}`]));
  return {
    digest: config.digest,
    files: config.files,
    configuration: asSource(config),
    origins: {
      identityProviders: origins([...config.identityProviders, ...(config.certificateProviders ?? [])]),
      identities: origins(config.identities),
      connections: origins(config.connections),
      policies: origins(config.policies),
      login: origins(config.control.login),
      channels: origins(config.control.channels),
      witnesses: origins(config.evidence.witnesses),
      anchors: origins(config.evidence.anchors),
      rules: Object.fromEntries(config.policies.flatMap(({ name, rules }) => rules.map((rule) => [`${name}/${rule.name}`, `${rule.origin.file}:${rule.origin.line}`]))),
      masks: origins(config.policies.flatMap(({ mask }) => mask)),
    },
    acceptedLeaks,
  };
}

function gatewayLines({ gateway, control }: Config): string[] {
  const { limits } = gateway;
  return [
    `data        ${gateway.data}`,
    `keys        ${gateway.keys}${gateway.keyCommand === undefined ? '' : `, the key-encryption key unwrapped by ${gateway.keyCommand[0]}`}`,
    `names       ${gateway.names.join(', ')}`,
    `tls         ${gateway.tls === 'auto' ? 'auto: certificates of an own CA' : `${gateway.tls.cert}, key ${gateway.tls.key}`}`,
    `limits      message ${formatSize(limits.message)}, statement ${formatSize(limits.statement)}, connections ${limits.connections}, before login ${limits.preAuth.seconds}s and ${formatSize(limits.preAuth.bytes)}`,
    `reload      ${gateway.reload === 'signal' ? 'on SIGHUP or wicketgate reload' : 'on SIGHUP, wicketgate reload, or an atomic rename'}`,
    `control     ${control.listen === undefined ? 'off' : formatHostPort(control.listen)}${control.url === undefined ? '' : `, reached as ${control.url}`}`,
  ];
}

function providerLines(provider: IdentityProviderConfig): string[] {
  const { keys } = provider;
  return [
    `issuer      ${provider.issuer}`,
    `audience    ${provider.audience}, exactly and alone`,
    `keys        ${keys.from === 'discovery' ? 'by discovery' : keys.from === 'url' ? keys.url : keys.path}, kept at most ${formatDuration(provider.maxKeyAge)} without the issuer${provider.allowPrivate ? ', private addresses allowed' : ''}${provider.ca === undefined ? '' : `, ca ${provider.ca}`}`,
    `tokens      ${provider.algorithms.join(' ')}, at most ${formatDuration(provider.maxTokenAge)} old, clocks may differ by ${formatDuration(provider.clockSkew)}${provider.once ? ', one session each' : ''}`,
  ];
}

function certificateLines({ ca, crl, trustDomain, maxLifetime }: CertificateProviderConfig): string[] {
  return [
    `ca          ${ca}`,
    `revoked by  ${crl ?? 'no list: a certificate of its CAs is good until it expires'}`,
    `accepted    ${trustDomain === undefined ? 'any name' : `SPIFFE ids of ${trustDomain}`}, living at most ${formatDuration(maxLifetime)}; shown in TLS`,
  ];
}

function identityLines(identity: IdentityConfig, policies: readonly PolicyConfig[]): string[] {
  const applying = policies.filter((policy) => policy.identities.includes(identity.name) || policy.groups.some((group) => identity.groups.includes(group)));
  return [
    `owner       ${[identity.owner.group, identity.owner.contact].filter((part) => part !== undefined).join(', ')}`,
    ...(identity.purpose === undefined ? [] : [`purpose     ${identity.purpose}`]),
    `tokens      of ${identity.provider} with ${Object.entries(identity.claims).map(([claim, value]) => `${claim} = ${JSON.stringify(value)}`).join(', ')}`,
    ...(identity.when === undefined ? [] : [`when        ${identity.when}`]),
    ...(identity.requester === undefined ? [] : [`requester   claims.${identity.requester}`]),
    ...(identity.author === undefined ? [] : [`author      claims.${identity.author}`]),
    ...(identity.groups.length === 0 ? [] : [`groups      ${identity.groups.join(', ')}`]),
    `policies    ${applying.length === 0 ? 'none: may do nothing' : applying.map(({ name }) => name).join(', ')}`,
  ];
}

function connectionLines(connection: ConnectionConfig, all: readonly ConnectionConfig[]): string[] {
  const { target, evidence } = connection;
  const listen = formatHostPort(connection.listen);
  const verified = { disable: 'not encrypted', require: 'encrypted, not verified', 'verify-full': `verified against ${target.ca ?? 'the system\'s CAs'}` }[target.tls];
  const plaintext = connection.plaintext ? ', without TLS too' : '';
  const recorded = `evidence    ${evidence.mode}, ${evidence.recordAnswers === 0 ? 'answers are counted and not recorded' : `answers recorded up to ${formatSize(evidence.recordAnswers)} each`}`;
  if (isHttp(connection)) {
    return [
      `listen      ${listen}${chosenBy(connection)}${plaintext}`,
      `target      http ${formatHostPort(target)}, ${verified}`,
      ...httpLines(connection),
      `credential  ${credentialWords(connection.credential)}`,
      recorded,
    ];
  }
  const { credential, functions } = connection;
  const { database } = connection.target;
  const shared = all.some((other) => other !== connection && formatHostPort(other.listen) === listen);
  return [
    `listen      ${listen}${shared ? `, shared: clients ask for the database ${connection.name} or ${connection.name}/${database}, or for the server ${connection.name}.anything` : ''}${plaintext}`,
    `target      ${connection.protocol} ${target.host.startsWith('/') ? `socket in ${target.host}, port ${target.port}` : formatHostPort(target)}, database ${database}, ${verified}`,
    `credential  ${credential.username}, password ${credential.password === undefined ? 'none' : formatSecretRef(credential.password)}`,
    recorded,
    ...(functions.length === 0 ? [] : [`functions   ${functions.join(', ')}`]),
  ];
}

const witnessLines = ({ url, key, ca }: WitnessConfig): string[] => [`url         ${url}${ca === undefined ? '' : `, ca ${ca}`}`, `key         ${key}`];

function anchorLines(anchor: AnchorConfig): string[] {
  const where = anchor.type === 'file' ? anchor.path : `${anchor.url}${anchor.ca === undefined ? '' : `, ca ${anchor.ca}`}`;
  return [
    `${anchor.type.padEnd(11)} ${where}, every ${formatDuration(anchor.every)}`,
    ...(anchor.type === 'webhook' ? [`secret      ${formatSecretRef(anchor.secret)}`] : []),
    ...(anchor.type === 'rfc3161' ? [`trust       ${anchor.trust}`] : []),
    ...(anchor.type === 's3' ? [`credential  ${formatSecretRef(anchor.accessKey)}, ${formatSecretRef(anchor.secretKey)}`, `lock        ${anchor.lock}, ${formatDuration(anchor.retain)}`] : []),
  ];
}

function retentionLines({ retention }: Config): string[] {
  const shown = (value: number | undefined): string => (value === undefined ? 'for ever' : formatDuration(value));
  return [
    ...retention.map(({ connections, recordings, evidence, origin }) => `${connections.map((name) => (name === '*' ? 'every other connection' : name)).join(', ')}: texts and answers ${shown(recordings)}, records ${shown(evidence)}  ${origin.file}:${origin.line}`),
    ...(retention.some(({ connections }) => connections.includes('*')) ? [] : [`${retention.length === 0 ? 'everything' : 'everything else'}: for ever`]),
    'nothing goes by itself: wicketgate evidence purge --plan shows what may go; records are never deleted by this version',
  ];
}

function policyLines(policy: PolicyConfig, config: Config): string[] {
  const { limits } = policy;
  const amounts = [
    limits.commandsPerMinute === undefined ? [] : [`${limits.commandsPerMinute} commands a minute`],
    limits.rowsPerCommand === undefined ? [] : [`${limits.rowsPerCommand} rows a command`],
    limits.concurrentSessions === undefined ? [] : [`${limits.concurrentSessions} sessions at once`],
    limits.heldCommands === undefined ? [] : [`${limits.heldCommands} held commands`],
    limits.sessionAge === undefined ? [] : [`sessions of ${formatDuration(limits.sessionAge)}`],
  ].flat();
  return [
    `for         ${[...policy.identities, ...policy.groups.map((group) => `group ${group}`)].join(', ')}`,
    `on          ${policy.connections.map((name) => (name === '*' ? 'every connection' : name)).join(', ')}`,
    `allows      ${policy.allow.length === 0 ? 'no class' : policy.allow.join(', ')}`,
    ...policy.rules.flatMap((rule) => ruleLines(rule, config)),
    ...policy.mask.flatMap(maskLines),
    ...(amounts.length === 0 ? [] : [`limits      ${amounts.join(', ')}`]),
  ];
}

function ruleLines(rule: RuleConfig, config: Config): string[] {
  const { match } = rule;
  const parts = (['verbs', 'objects', 'columns', 'functions', 'classes'] as const).flatMap((key) => (match[key] === undefined ? [] : [`${key} ${match[key].join(', ')}`]));
  if (match.rows !== undefined) parts.push(`more than ${match.rows} rows`);
  if (match.request !== undefined) parts.push(...requestParts(match.request));
  if (rule.when !== undefined) parts.push(`when ${rule.when}`);
  return [
    `${{ allow: 'allows', deny: 'denies', require_approval: 'holds' }[rule.effect].padEnd(11)} ${rule.name}: ${parts.length === 0 ? 'everything' : parts.join('; ')}  (${rule.origin.file}:${rule.origin.line})`,
    ...(rule.reason === undefined ? [] : [`            because ${rule.reason}`]),
    ...(rule.approval === undefined ? [] : approvalLines(rule.approval, config.control.roles.approver).map((line) => `            ${line}`)),
  ];
}

function maskLines(mask: MaskConfig): string[] {
  const what = [...mask.columns, ...mask.fields.map((field) => `field ${field}`), ...mask.detect.map((name) => `detected ${name}`)].join(', ');
  // Without a word where it is the default, which is the safe one.
  const otherwise = mask.otherwise === 'refuse' ? '' : `, a body that is not understood: ${mask.otherwise}`;
  return [`masks       ${mask.name}: ${what}; ${mask.columns.length > 0 ? `${mask.mode}, ` : ''}${formatTransform(mask.transform)}${otherwise}  (${mask.origin.file}:${mask.origin.line})`];
}

/** A transform in words: `redact`, `all but the last 4`. */
export function formatTransform(transform: TransformConfig): string {
  if (typeof transform === 'string') return transform;
  return 'partial' in transform ? `all but the last ${transform.partial}` : `fixed ${JSON.stringify(transform.fixed)}`;
}

/** Each mode in use with what it accepts, so that nobody takes one for the other. */
function leakLines({ policies }: Config): string[] {
  const masks = policies.flatMap(({ mask }) => mask);
  const used = [
    ...(masks.some(({ mode, columns }) => columns.length > 0 && mode === 'strict') ? (['strict'] as const) : []),
    ...(masks.some(({ mode, columns }) => columns.length > 0 && mode === 'display') ? (['display'] as const) : []),
    ...(masks.some(({ fields }) => fields.length > 0) ? (['fields'] as const) : []),
    ...(masks.some(({ detect }) => detect.length > 0) ? (['detect'] as const) : []),
  ];
  if (used.length === 0) return ['nothing is masked'];
  return ['what masks still let through', ...used.map((mode) => `  ${mode.padEnd(11)} ${acceptedLeaks[mode]}`)];
}
