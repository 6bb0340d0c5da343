import path from 'node:path';
import Type from 'typebox';
import { readSources } from '../config/files.ts';
import { formatProblem, Problems } from '../config/problems.ts';
import { conform, Places, type Schema } from '../config/shape.ts';
import { parseHostPort, type HostPort } from '../config/units.ts';
import { readYaml } from '../config/yaml.ts';
import { BadNote, ED25519, parseVkey, type VerifierKey } from '../evidence/tlog/note.ts';

/** How a witness runs. */
export interface WitnessSettings {
  readonly listen: HostPort;
  /** Its folder: key and what it cosigned. */
  readonly data: string;
  /** Name of a key that is yet to be made. */
  readonly name?: string;
  /** What stands before `/add-checkpoint`: empty, or with a slash at its beginning and none at its end. */
  readonly prefix: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly logs: readonly VerifierKey[];
}

/** The same as written, on the command line or in a file. */
export interface WrittenSettings {
  readonly listen?: string;
  readonly data?: string;
  readonly name?: string;
  readonly prefix?: string;
  readonly tls?: { readonly cert?: string; readonly key?: string };
  readonly logs?: readonly string[];
}

/** What is written does not make a witness. One line for each problem. */
export class WitnessSettingsRefused extends Error {}

const strict = { additionalProperties: false } as const;
/** The file of `wicketgate witness --config`. */
const WitnessFile = Type.Object(
  {
    listen: Type.Optional(Type.String({ description: 'host:port.' })),
    data: Type.Optional(Type.String({ description: 'Folder of its key and of what it cosigned.' })),
    name: Type.Optional(Type.String({ description: 'Name of the witness.' })),
    prefix: Type.Optional(Type.String({ description: 'What stands before /add-checkpoint.' })),
    tls: Type.Optional(Type.Object({ cert: Type.String({ description: 'PEM certificate chain file.' }), key: Type.String({ description: 'PEM private key file.' }) }, strict)),
    logs: Type.Optional(Type.Array(Type.String(), { description: 'Keys of the logs that are witnessed.' })),
  },
  strict,
);

/** Reads the file of a witness. Paths in it are relative to it. Throws WitnessSettingsRefused. */
export const readWitnessFile = async (file: string): Promise<WrittenSettings> => {
  const problems = new Problems();
  const refused = (): WitnessSettingsRefused => new WitnessSettingsRefused(problems.list().map(formatProblem).join('\n'));
  const [source] = (await readSources(file, problems)) ?? [];
  const root = source && readYaml(source.text, source.file, problems);
  if (root !== undefined && root.kind !== 'map') problems.add({ place: root.place, path: '' }, 'expected keys and values, such as listen: 0.0.0.0:7090');
  if (problems.any || root?.kind !== 'map') throw refused();
  const written = conform(WitnessFile as unknown as Schema, root, problems, new Places()) as WrittenSettings;
  if (problems.any) throw refused();
  const relative = (to: string | undefined): string | undefined => (to === undefined ? undefined : path.resolve(path.dirname(file), to));
  const { data, tls, ...rest } = written;
  return without({ ...rest, data: relative(data), tls: tls && without({ cert: relative(tls.cert), key: relative(tls.key) }) });
};

/** Members that are undefined are left out. */
const without = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };

/** Checks what is written, all at once. Throws WitnessSettingsRefused. */
export const witnessSettings = (written: WrittenSettings): WitnessSettings => {
  const problems: string[] = [];
  const listen = written.listen === undefined ? undefined : parseHostPort(written.listen);
  if (written.listen === undefined) problems.push('listen is missing: host:port, such as 0.0.0.0:7090');
  else if (listen === undefined) problems.push(`listen: ${shown(written.listen)} is not host:port, such as 0.0.0.0:7090 or [::]:7090`);
  if (written.data === undefined || written.data === '') problems.push('data is missing: a folder for the key and for what was cosigned');
  const prefix = (written.prefix ?? '').replace(/\/$/, '');
  if (!/^(?:\/[A-Za-z0-9._~-]{1,64}){0,8}$/.test(prefix)) problems.push(`prefix: ${shown(prefix)} is not a path such as /wicketgate`);
  const { cert, key } = written.tls ?? {};
  if ((cert === undefined) !== (key === undefined)) problems.push('TLS needs both, a certificate and its key');
  const logs = logKeys(written.logs ?? [], problems);
  if (logs.length === 0 && problems.length === 0) problems.push('no log is named: give the key of each log that is witnessed');
  if (problems.length > 0 || listen === undefined || written.data === undefined) throw new WitnessSettingsRefused(problems.join('\n'));
  return {
    listen,
    data: path.resolve(written.data),
    prefix,
    logs,
    ...(written.name === undefined ? {} : { name: written.name }),
    ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
  };
};

/** Keys of logs. One log may have several, while its key is being replaced; one key cannot be given twice. */
const logKeys = (written: readonly string[], problems: string[]): VerifierKey[] => {
  const keys: VerifierKey[] = [];
  for (const text of written) {
    try {
      const key = parseVkey(text.trim());
      if (key.type !== ED25519) problems.push(`log ${shown(text)}: the key of a witness, not of a log`);
      else if (keys.some(({ name, keyId }) => name === key.name && keyId === key.keyId)) problems.push(`log ${shown(text)}: given twice`);
      else keys.push(key);
    } catch (error) {
      if (!(error instanceof BadNote)) throw error;
      problems.push(`log ${shown(text)}: ${error.message}`);
    }
  }
  return keys;
};

const shown = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
