/** The file that names a log. */
export const LOG_FILE = 'log.json';

/** The folder cannot be used for a log. Says why; nothing was changed. */
export class FolderUnusable extends Error {}

/** The last checkpoint that was signed of the log in whose place another one began. */
export interface FollowedLog {
  readonly log: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

export interface LogFile {
  readonly format: number;
  /** Name of the log. */
  readonly log: string;
  /** This log takes the place of another one, which could not go on. */
  readonly follows?: FollowedLog;
}

/** What `log.json` says. Throws FolderUnusable. */
export const readLogFile = (bytes: Buffer): LogFile => {
  try {
    const { format, log, follows } = JSON.parse(bytes.toString('utf8')) as Partial<LogFile>;
    if (typeof format === 'number' && typeof log === 'string') return { format, log, ...(follows === undefined ? {} : { follows: { log: String(follows.log), size: Number(follows.size), root: String(follows.root) } }) };
  } catch {
    // Said below.
  }
  throw new FolderUnusable(`${LOG_FILE} cannot be read`);
};

/** The bytes of a `log.json`. */
export const formatLogFile = (file: LogFile): Buffer => Buffer.from(`${JSON.stringify(file)}\n`, 'utf8');
