import Type, { type Static } from 'typebox';
import { Count, OriginView, Texts, Time, Words } from './forms.ts';

/** A configured target. Its credential is never part of an answer. */
export const ConnectionView = Type.Object(
  {
    name: Type.String({ description: 'Name.' }),
    protocol: Type.String({ description: 'Protocol.' }),
    listen: Type.String({ description: 'Address that clients connect to.' }),
    plaintext: Type.Boolean({ description: 'Clients may connect without TLS (loopback only).' }),
    target: Type.Object({ address: Type.String({ description: 'host:port.' }), database: Type.Optional(Type.String({ description: 'Database; postgres only.' })), tls: Type.String({ description: 'disable, require or verify-full.' }) }, { description: 'What it leads to.' }),
    evidence: Type.Object({ mode: Words(['effect', 'strict'], 'When evidence must be durable.'), recordAnswers: Count('Bytes of each answer that are recorded; 0: none.') }, { description: 'What is recorded.' }),
    http: Type.Optional(
      Type.Object(
        {
          hosts: Texts('Hosts by which clients choose it; none: any.'),
          proxy: Type.Boolean({ description: 'Clients reach it through the forward proxy.' }),
          prefix: Type.String({ description: 'What the path must start with; empty: nothing.' }),
          basePath: Type.String({ description: 'What is put before the path at the target; empty: nothing.' }),
          apis: Texts('Rule sets that say what a request does.'),
          credential: Words(['none', 'bearer', 'header', 'basic', 'oauth', 'google', 'azure', 'aws'], 'What the gateway puts on in the place of the client\'s token.'),
          sessionIdle: Count('Milliseconds after which a session without a request ends.'),
          wholeBody: Count('Bytes of the largest body that rules about fields, approvals and write-back see.'),
        },
        { description: 'Of a connection of HTTP.' },
      ),
    ),
    functions: Texts('Functions vetted by the configuration.'),
    live: Count('Sessions open now.'),
    commands: Count('Commands in the last 24 hours.'),
    refused: Count('Those of them that were refused.'),
    lastUse: Type.Optional(Time('Its last command on record.')),
    reachedBy: Texts('Identities that policy lets reach it.'),
    origin: OriginView,
  },
  { description: 'A connection.' },
);
export type ConnectionView = Static<typeof ConnectionView>;
export const ConnectionList = Type.Object({ items: Type.Array(ConnectionView, { description: 'Connections by name.' }) }, { description: 'Connections.' });
