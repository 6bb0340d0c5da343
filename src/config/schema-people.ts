import Type from 'typebox';
import { Duration, Name, Names, PeopleGroups, Secret, Size, strict } from './fields.ts';
import { forms } from './forms.ts';

/** The part of the schema that is about people: who signs in, who may do what here, who is asked, who may not answer. */
export const Login = Type.Object(
  {
    name: Name('Name of the provider; the groups of its people are written NAME/GROUP.'),
    issuer: Type.String({ pattern: forms.webAddress.pattern, description: 'The exact `iss` of its ID tokens. http only for loopback addresses.' }),
    clientId: Type.String({ minLength: 1, description: 'Client id of this gateway there: the audience of its ID tokens.' }),
    clientSecret: Type.Optional(Secret('Client secret. Left out: a public client, which PKCE protects alone.')),
    scopes: Type.Optional(Names('Scopes to ask for; openid is one of them. Default openid, profile.')),
    groupsClaim: Type.Optional(Type.String({ minLength: 1, description: 'Claim of the ID token that lists the person\'s groups; a.b is member b of a, "\\." a dot in a name. Default groups.' })),
    accounts: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'By name of an identity provider of machines: claims.NAME of the ID token that holds the same person\'s account there. What a job\'s requester and author are compared with.' })),
    jwks: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'Key set address, instead of the one that discovery gives.' })),
    jwksFile: Type.Optional(Type.String({ description: 'Key set file, instead of the address that discovery gives. Read again when it changes.' })),
    maxTokenAge: Type.Optional(Duration('Oldest ID token by its iat. Default 1h.')),
    sessionAge: Type.Optional(Duration('How long a sign-in lasts, at most 7d; groups are as they were at sign-in. Default 12h.')),
    idle: Type.Optional(Duration('How long without a request ends it sooner. Default 1h, or sessionAge when that is shorter.')),
    ca: Type.Optional(Type.String({ description: 'PEM file of the CA of the issuer. Default: the system\'s.' })),
    allowPrivate: Type.Optional(Type.Boolean({ description: 'true: the issuer may have a private or loopback address (link-local and metadata addresses stay refused). Default false.' })),
  },
  { ...strict, description: 'An OIDC provider that people sign in with. A person is issuer and subject, never a name or an e-mail address.' },
);

const RoleGroups = (description: string) => Type.Optional(Type.Object({ groups: PeopleGroups('Groups that have the role.') }, { ...strict, description }));

export const Roles = Type.Object(
  {
    admin: RoleGroups('Changes what the control plane can change. Is no approver by that.'),
    approver: RoleGroups('Answers requests for approval. When given, a person must have it in addition to a group that the rule names.'),
    auditor: RoleGroups('Sees evidence and recordings; each view is recorded.'),
    viewer: RoleGroups('Sees what runs and what is in force; no recordings.'),
  },
  { ...strict, description: 'What people may do here, by group.' },
);

export const Channel = Type.Object(
  {
    name: Name('Name of the channel, in records and metrics.'),
    type: Type.Union([Type.Literal('slack'), Type.Literal('webhook')], { description: 'slack: an interactive message. webhook: a signed POST, for anything else.' }),
    includeStatement: Type.Optional(Type.Boolean({ description: 'true: the recorded form of the statement is sent, with hidden literals marked. Default false: it is shown after sign-in only.' })),
    token: Type.Optional(Secret('slack, required: bot token.')),
    signingSecret: Type.Optional(Secret('slack, required: signing secret, by which Slack\'s requests are told from others.')),
    channel: Type.Optional(Type.String({ pattern: forms.slackChannel.pattern, description: 'slack, required: id of the channel, such as C0123ABCD.' })),
    api: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'slack: base address of the Web API. Default https://slack.com/api.' })),
    people: Type.Optional(
      Type.Object(
        { login: Type.String({ description: 'Name of a login.' }), userClaim: Type.String({ minLength: 1, description: 'Claim of its ID token that holds the Slack user\'s id.' }) },
        { ...strict, description: 'slack: whose accounts Slack users are. Left out: nobody can answer in Slack, and its message leads to the page.' },
      ),
    ),
    url: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'webhook, required: where to post. http only for loopback addresses.' })),
    secret: Type.Optional(Secret('webhook, required: key of the HMAC.')),
    ca: Type.Optional(Type.String({ description: 'PEM file of the CA of the server\'s certificate. Default: the system\'s.' })),
  },
  { ...strict, description: 'Where people are told that something waits for approval. A channel never decides.' },
);

export const Control = Type.Object(
  {
    listen: Type.Optional(Type.String({ description: 'host:port of health, readiness, metrics, and of the control plane. Default 127.0.0.1:7080. `off` turns it off.' })),
    url: Type.Optional(Type.String({ description: 'The address people reach it by: in links, and where sign-in returns to.' })),
    login: Type.Optional(Type.Array(Login, { description: 'With what people sign in. At most 16.' })),
    roles: Type.Optional(Roles),
    channels: Type.Optional(Type.Array(Channel, { description: 'Where people are asked for approval. At most 16.' })),
  },
  { ...strict, description: 'Health, readiness and metrics, and the people who sign in.' },
);

export const Approval = Type.Object(
  {
    groups: PeopleGroups('Who may approve.'),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, description: 'How many people. Default 1.' })),
    hold: Type.Optional(Duration('How long the command is held on its connection, at most 24h; 0s: it is refused at once and runs on its next try after approval. Default 10m.')),
    expires: Type.Optional(Duration('How long an approval can be used, at most 30d. Default 15m.')),
    holdInTransaction: Type.Optional(Duration('How long it is held inside a transaction, where locks are held with it: at most 60s. Default 0s: it is refused there at once.')),
    cover: Type.Optional(
      Type.Union([Type.Literal('command'), Type.Literal('data')], {
        description: 'What an approval covers. command: the command and its values; rows that COPY FROM STDIN brings come after the approval. data: those rows as well; they are kept, sealed, until people have answered, and nothing but these rows runs. Default command.',
      }),
    ),
    coverUpTo: Type.Optional(Size('With cover: data, most bytes of data that are kept for one command, at most 256MiB; more is refused. Default 16MiB.')),
  },
  { ...strict, description: 'Who approves what the rule holds.' },
);

export const Approvals = Type.Object(
  {
    forbid: Type.Optional(
      Type.Array(Type.Union([Type.Literal('requester'), Type.Literal('owner'), Type.Literal('author')]), {
        description: 'Who may not approve, compared as people: the requester of the job (identities.requester), its author (identities.author), the owner (a member of identities.owner.group). Default all three.',
      }),
    ),
    breakGlass: Type.Optional(Type.Object({ groups: PeopleGroups('Groups.') }, { ...strict, description: 'Groups whose people may let a command through alone, with a reason. Each time is recorded as an exception. Default nobody.' })),
  },
  { ...strict, description: 'What holds for every approval.' },
);
