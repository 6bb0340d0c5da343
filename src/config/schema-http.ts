import Type from 'typebox';
import { Duration, Names, Secret, Size, strict } from './fields.ts';
import { forms } from './forms.ts';

/** The keys of the HTTP protocol: how clients find a connection, what its target is told, and which rule sets read its requests. */
export const Http = Type.Object(
  {
    hosts: Type.Optional(Names('Hosts by which clients choose this connection at an address that several share: api.gw.internal, or *.gw.internal for all below it. Default: any.')),
    proxy: Type.Optional(Type.Boolean({ description: 'true: clients reach this connection through the forward proxy at listen, as target.host and as each of http.hosts, with the gateway as HTTPS_PROXY. TLS is then intercepted with a CA of the gateway\'s own, data/interception-ca.pem, which clients have to trust. Without http.hosts it is reached in no other way. Default false.' })),
    prefix: Type.Optional(Type.String({ pattern: forms.urlPath.pattern, description: 'What paths of this connection begin with, such as /billing; taken off before anything is judged or sent. Default: none.' })),
    basePath: Type.Optional(Type.String({ pattern: forms.urlPath.pattern, description: 'Put before every path at the target, such as /v2. Default: none.' })),
    host: Type.Optional(Type.String({ pattern: forms.hostHeader.pattern, description: 'The Host that the target is told. Default: target.host, with target.port where it is not the usual one.' })),
    apis: Type.Optional(Names('Rule sets that say what a request does; the first that knows it counts. Names of those that ship (rest, gcs, s3, pubsub, azure-blob, azure-arm, graphql), or paths of YAML files of yours. Default rest.')),
    sessionIdle: Type.Optional(Duration('A session without a request ends after this. Default 5m.')),
    wholeBody: Type.Optional(Size('Largest request body that is read as a whole, which rules about fields, approvals and the guard against masked values coming back need; a larger one is then refused. At most 64MiB. Default 1MiB.')),
    answerWithin: Type.Optional(Duration('How long the target may take to begin its answer. Default 60s.')),
  },
  { ...strict, description: 'http: keys of this protocol.' },
);

/** What only the gateway holds, for every protocol; which keys go together is checked by protocol and `type`. */
export const Credential = Type.Object(
  {
    type: Type.Optional(
      Type.Union([Type.Literal('none'), Type.Literal('bearer'), Type.Literal('header'), Type.Literal('basic'), Type.Literal('oauth'), Type.Literal('google'), Type.Literal('azure'), Type.Literal('aws')], {
        description:
          'http, required: none (the target asks for none), bearer (a fixed token), header (any header, such as an API key), basic, oauth (client credentials), google (key of a service account), azure (Microsoft Entra), aws (Signature Version 4). Not for postgres.',
      }),
    ),
    username: Type.Optional(Type.String({ minLength: 1, description: 'postgres and basic, required: user at the target.' })),
    password: Type.Optional(Secret('postgres; basic, required: password at the target. Read again for each login, so rotation needs no restart.')),
    token: Type.Optional(Secret('bearer, required: the token.')),
    name: Type.Optional(Type.String({ pattern: forms.headerName.pattern, description: 'header, required: name of the header, such as X-Api-Key.' })),
    value: Type.Optional(Secret('header, required: its value.')),
    tokenUrl: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'oauth, required; google: where tokens are got. google: default the one in the key.' })),
    clientId: Type.Optional(Type.String({ minLength: 1, description: 'oauth, azure, required: id of the client.' })),
    clientSecret: Type.Optional(Secret('oauth, required; azure: secret of the client.')),
    scopes: Type.Optional(Names('oauth, google, azure (required): scopes that are asked for. google: default https://www.googleapis.com/auth/cloud-platform. azure: one, such as https://management.azure.com/.default.')),
    audience: Type.Optional(Type.String({ minLength: 1, description: 'oauth: audience that is asked for.' })),
    auth: Type.Optional(Type.Union([Type.Literal('basic'), Type.Literal('post')], { description: 'oauth: where the secret goes: basic (default) in the Authorization header, post in the form.' })),
    key: Type.Optional(Secret('google, required: the service account\'s key, as JSON.')),
    tenant: Type.Optional(Type.String({ pattern: forms.tenant.pattern, description: 'azure, required: id or domain of the tenant.' })),
    assertion: Type.Optional(Secret('azure, instead of clientSecret: a token of another issuer (federated credential). Read again for each use.')),
    authority: Type.Optional(Type.String({ pattern: forms.webAddress.pattern, description: 'azure: default https://login.microsoftonline.com.' })),
    accessKey: Type.Optional(Secret('aws, required: access key id.')),
    secretKey: Type.Optional(Secret('aws, required: secret access key.')),
    sessionToken: Type.Optional(Secret('aws: session token of temporary credentials.')),
    region: Type.Optional(Type.String({ pattern: forms.region.pattern, description: 'aws, required: region, for the signature.' })),
    service: Type.Optional(Type.String({ pattern: forms.region.pattern, description: 'aws, required: service, for the signature, such as s3.' })),
    ca: Type.Optional(Type.String({ description: 'oauth, google, azure: PEM file of the CA of the token address. Default: the system\'s.' })),
    allowPrivate: Type.Optional(Type.Boolean({ description: 'oauth, google, azure: true: tokens may be got from private and loopback addresses (link-local and metadata addresses stay refused). Default false.' })),
  },
  { ...strict, description: 'What only the gateway holds. In memory only.' },
);

const Patterns = (description: string) => Type.Record(Type.String(), Type.Array(Type.String(), { minItems: 1 }), { minProperties: 1, description });

/** What a rule says of an HTTP request. */
export const RequestMatch = Type.Object(
  {
    methods: Type.Optional(Names('Methods: GET, POST, ...')),
    hosts: Type.Optional(Names('Hosts that the client named: api.gw.internal, *.gw.internal.')),
    paths: Type.Optional(Names('Path templates: /v1/users/{id} (one segment), /files/* (one segment), /files/** (the rest). Compared with the path after the connection\'s prefix was taken off.')),
    query: Type.Optional(Patterns('Query parameters by name, each with patterns, in which * stands for anything. The parameter must be there, and every value of it match one.')),
    headers: Type.Optional(Patterns('Headers by name, each with patterns, in which * stands for anything. The header must be there, and every value of it match one.')),
    fields: Type.Optional(Patterns('Fields of a JSON body by path, such as amount or items.*.price, each with patterns, in which * stands for anything; values are compared as text. For deny and require_approval, a body that is not read counts as a match.')),
    graphql: Type.Optional(Names('GraphQL operations: query, mutation, subscription, TYPE:NAME by the operation\'s name, or TYPE.FIELD by a field at its top, with * in names.')),
    grpc: Type.Optional(Names('gRPC methods: package.Service/Method, with *.')),
  },
  { ...strict, minProperties: 1, description: 'http: what the request is. Every key given must match; within a list, one is enough.' },
);
