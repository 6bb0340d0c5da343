import type { Command } from 'commander';

/** What the exit codes of each command mean. 2 is wrong use everywhere. */
const MEANING: Readonly<Record<string, readonly [done: string, no: string]>> = {
  start: ['stopped by SIGTERM or SIGINT', 'the configuration or something it needs does not let it start'],
  check: ['this configuration would start', 'it would not'],
  reload: ['the configuration is in force', 'refused, and the old one stays; or no gateway answers'],
  ca: ['printed', 'there is none'],
  'identities list': ['printed', 'cannot be read'],
  'identities revoke': ['revoked', 'could not be written'],
  'identities restore': ['restored', 'it was not revoked'],
  'policy explain': ['allowed', 'not allowed'],
  'policy test': ['all cases are as they expect', 'some are not'],
  catalog: ['printed', 'the target cannot be asked'],
  'sessions list': ['printed, also when there are none', 'cannot be read'],
  'sessions show': ['printed', 'no such session is recorded'],
  'sessions replay': ['printed', 'no such session is recorded'],
  'sessions terminate': ['ended', 'no such session lives, or no gateway answers'],
  'evidence verify': ['verified', 'altered, incomplete, or with --closed still open'],
  demo: ['done', 'a step did not show what it should'],
};

/** Puts the exit codes under the help of every command that does something. Throws when one is not listed: a defect. */
export const addExitCodes = (program: Command, path: readonly string[] = []): void => {
  for (const command of program.commands) {
    const at = [...path, command.name()];
    if (command.commands.length > 0) {
      addExitCodes(command, at);
      continue;
    }
    const meaning = MEANING[at.join(' ')];
    if (!meaning) throw new Error(`the exit codes of ${at.join(' ')} are not written down`);
    command.addHelpText('after', `\nExit codes: 0 ${meaning[0]}; 1 ${meaning[1]}; 2 wrong use`);
  }
};
