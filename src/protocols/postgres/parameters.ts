/**
 * What a client may set by startup parameters, and what is then sent to the target. An allow-list: settings on which decisions
 * rest are fixed, harmless ones pass, everything else is refused by name.
 */

/** Sent to every target: what is judged is read with these settings, whatever a role or database sets. */
export const PINNED: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['standard_conforming_strings', 'on'],
]);

/** Names in lower case, as PostgreSQL compares them, with the spelling that is sent. */
const PASSING: ReadonlyMap<string, string> = new Map(
  [
    'bytea_output',
    'DateStyle',
    'default_transaction_deferrable',
    'default_transaction_isolation',
    'default_transaction_read_only',
    'extra_float_digits',
    'geqo',
    'idle_in_transaction_session_timeout',
    'idle_session_timeout',
    'IntervalStyle',
    'lock_timeout',
    'search_path',
    'statement_timeout',
    'TimeZone',
    'transaction_timeout',
  ].map((name) => [name.toLowerCase(), name]),
);

const READ_ONLY = 'default_transaction_read_only';
/** Longest value of a setting that passes. */
const VALUE_LIMIT = 1024;
/** The gateway's own settings, which never reach the target. */
const OWN_PREFIX = 'wicketgate.';

export interface ClientSettings {
  readonly kind: 'settings';
  readonly user: string;
  readonly database: string;
  /** The client's own text, to stand behind what the gateway writes there. */
  readonly applicationName?: string;
  /** `wicketgate.connection`. */
  readonly connection?: string;
  /** For the target, in its spelling; PINNED is included. `search_path` among them must be read back before deciding. */
  readonly settings: ReadonlyMap<string, string>;
}

export interface ParameterRefusal {
  readonly kind: 'refused';
  /** `replication`: the client asks for the replication protocol. */
  readonly why: 'replication' | 'parameter' | 'value' | 'no_user';
  readonly message: string;
  readonly hint?: string;
}

/** Judges the parameters of a StartupMessage. Pure. */
export const judgeParameters = (parameters: ReadonlyMap<string, string>): ClientSettings | ParameterRefusal => {
  const user = parameters.get('user') ?? '';
  if (user === '') return { kind: 'refused', why: 'no_user', message: 'no user name in the startup message' };
  const given: (readonly [string, string])[] = [];
  for (const [name, value] of parameters) {
    if (name === 'user' || name === 'database') continue;
    if (name === 'replication') {
      if (OFF.has(value.toLowerCase())) continue;
      return { kind: 'refused', why: 'replication', message: 'replication connections are not supported' };
    }
    if (name === 'options') {
      const settings = parseOptions(value);
      if (settings === undefined) return { kind: 'refused', why: 'parameter', message: 'startup parameter options holds something other than -c NAME=VALUE' };
      given.push(...settings);
    } else {
      given.push([name, value]);
    }
  }

  const settings = new Map(PINNED);
  const seen = new Map<string, string>();
  let applicationName: string | undefined;
  let connection: string | undefined;
  for (const [name, value] of given) {
    const key = name.toLowerCase();
    const before = seen.get(key);
    if (before !== undefined && before !== value) return { kind: 'refused', why: 'value', message: `startup parameter ${shown(name)} is given twice with different values` };
    seen.set(key, value);
    if (key === 'application_name') applicationName = value;
    else if (key === `${OWN_PREFIX}connection`) connection = value;
    else if (key === 'client_encoding') {
      if (!isUtf8Name(value)) return { kind: 'refused', why: 'value', message: 'client_encoding must be UTF8', hint: 'Set PGCLIENTENCODING=UTF8 or the like in the client.' };
    } else if (key === 'standard_conforming_strings') {
      if (!ON.has(value.toLowerCase())) return { kind: 'refused', why: 'value', message: 'standard_conforming_strings must be on' };
    } else {
      const spelling = PASSING.get(key);
      if (spelling === undefined) return { kind: 'refused', why: 'parameter', message: `startup parameter ${shown(name)} is not allowed`, hint: 'Remove it from the connection options of the client.' };
      if (!isPlain(value)) return { kind: 'refused', why: 'value', message: `value of startup parameter ${shown(name)} is not allowed` };
      // Who it is is not known yet, and letting go of read-only mode is for policy to decide.
      if (key === READ_ONLY && !ON.has(value.toLowerCase())) return { kind: 'refused', why: 'value', message: `startup parameter ${READ_ONLY} may be on only`, hint: `Use SET ${READ_ONLY} in the session: policy decides on it there.` };
      settings.set(spelling, value);
    }
  }
  return {
    kind: 'settings',
    user,
    database: parameters.get('database') ?? '',
    ...(applicationName === undefined ? {} : { applicationName }),
    ...(connection === undefined ? {} : { connection }),
    settings,
  };
};

const ON: ReadonlySet<string> = new Set(['on', 'true', 'yes', '1']);
const OFF: ReadonlySet<string> = new Set(['off', 'false', 'no', '0']);

/** PostgreSQL drops everything but letters and digits from an encoding's name; `unicode` is an old name of UTF8. */
const isUtf8Name = (value: string): boolean => {
  const name = value.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return name === 'utf8' || name === 'unicode';
};

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const isPlain = (value: string): boolean => value.length <= VALUE_LIMIT && !/[\u0000-\u001f\u007f]/.test(value);

/** A name of the client's, short and harmless enough to be repeated to it. */
const shown = (name: string): string => (/^[A-Za-z0-9_.-]{1,63}$/.test(name) ? name : '(unprintable name)');

/**
 * The settings in the startup parameter `options`: words separated by white space, with a backslash to escape, of the forms
 * `-c NAME=VALUE`, `-cNAME=VALUE` and `--NAME=VALUE`, where `-` in a name means `_`. Undefined when there is any other switch.
 */
export const parseOptions = (options: string): (readonly [string, string])[] | undefined => {
  const settings: (readonly [string, string])[] = [];
  const words = splitWords(options);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    let assignment: string | undefined;
    if (word === '-c') assignment = words[++i];
    else if (word.startsWith('-c') || word.startsWith('--')) assignment = word.slice(2);
    const equals = assignment?.indexOf('=') ?? -1;
    if (assignment === undefined || equals < 1) return undefined;
    settings.push([assignment.slice(0, equals).replaceAll('-', '_'), assignment.slice(equals + 1)]);
  }
  return settings;
};

/** As `pg_split_opts` does. */
const splitWords = (text: string): string[] => {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    let character = text[i] as string;
    if (/[ \t\n\v\f\r]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (character === '\\') {
      character = text[++i] ?? '';
    }
    word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return words;
};
