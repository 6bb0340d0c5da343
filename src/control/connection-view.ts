import { isHttp, isPostgres } from '../config/protocols.ts';
import type { HttpConnectionConfig } from '../config/resolved.ts';
import { formatHostPort } from '../config/units.ts';
import type { ConnectionView } from './api/schema/connections.ts';
import { reachedBy } from './reach.ts';
import type { Services } from './services.ts';

const httpView = ({ http, credential }: HttpConnectionConfig): NonNullable<ConnectionView['http']> => ({
  hosts: [...http.hosts],
  proxy: http.proxy,
  prefix: http.prefix,
  basePath: http.basePath,
  apis: [...http.apis],
  credential: credential.type,
  sessionIdle: http.sessionIdle,
  wholeBody: http.wholeBody,
});

/** Connections of the configuration in force, by name, without their credentials. */
export const connectionViews = async ({ config: inForce, reader, gate, now }: Pick<Services, 'config' | 'reader' | 'gate' | 'now'>): Promise<ConnectionView[]> => {
  const config = inForce();
  const used = new Map((await reader.ask('connectionUse', now())).map((use) => [use.connection, use]));
  const live = new Map<string, number>();
  for (const { session } of gate.live.values()) live.set(session.connection, (live.get(session.connection) ?? 0) + 1);
  return [...config.connections]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((connection) => {
      const { name, protocol, listen, plaintext, target, evidence, origin } = connection;
      const use = used.get(name);
      return {
        name,
        protocol,
        listen: formatHostPort(listen),
        plaintext,
        target: { address: formatHostPort(target), ...(isPostgres(connection) ? { database: connection.target.database } : {}), tls: target.tls },
        evidence: { ...evidence },
        ...(isHttp(connection) ? { http: httpView(connection) } : {}),
        functions: isPostgres(connection) ? [...connection.functions] : [],
        live: live.get(name) ?? 0,
        commands: use?.commands ?? 0,
        refused: use?.refused ?? 0,
        ...(use ? { lastUse: new Date(use.last).toISOString() } : {}),
        reachedBy: reachedBy(config, connection),
        origin: { ...origin },
      };
    });
};
