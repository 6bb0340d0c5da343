import { isHttp } from '../config/protocols.ts';
import type { ConnectionConfig } from '../config/resolved.ts';
import type { Command } from '../model/command.ts';
import { explainRequest } from '../protocols/http/explain-text.ts';
import type { ExplainDeps } from './policy-explain.ts';
import { sqlExplain } from './sql-command.ts';

/** A command's text as the protocol of its connection understands it. */
export const explainCommand: ExplainDeps['explain'] = async (text, connection, names) => {
  if (!isHttp(connection)) return sqlExplain(text, connection, names);
  return { ...(await explainRequest(text, connection)), searchPath: [], searchPathFrom: 'default' };
};

/** The text to the Command that policy would judge. */
export const textCommand = async (text: string, connection: ConnectionConfig, catalogFile?: string): Promise<Command> => (await explainCommand(text, connection, catalogFile === undefined ? {} : { catalogFile })).command;
