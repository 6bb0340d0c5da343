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
