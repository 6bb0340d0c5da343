import type { Command } from 'commander';

/** Of commands that people give with a role. */
const SAYS_NO = 'not logged in, a role is missing, there is no such thing, or no gateway answers: it says which';

/** What the exit codes of each command mean. 2 is wrong use everywhere. */
const MEANING: Readonly<Record<string, readonly [done: string, no: string]>> = {
  start: ['stopped by SIGTERM or SIGINT', 'the configuration or something it needs does not let it start'],
  check: ['this configuration would start', 'it would not'],
  reload: ['the configuration is in force', 'refused, and the old one stays; or no gateway answers'],
  ca: ['printed', 'there is none'],
  'admin bootstrap': ['the link is printed', 'there is or was an administrator, nobody could sign in, or no gateway answers'],
  'identities list': ['printed', 'cannot be read'],
  'identities revoke': ['revoked', 'could not be written, or the gateway says no, and why'],
  'identities restore': ['restored', 'it was not revoked, or the gateway says no, and why'],
  'identities search': ['printed, also when nothing is found', SAYS_NO],
  'identities show': ['printed', SAYS_NO],
  overview: ['printed, whatever it says', SAYS_NO],
  'connections list': ['printed', SAYS_NO],
  'connections show': ['printed', SAYS_NO],
  'policies list': ['printed', SAYS_NO],
  'policies matrix': ['printed', SAYS_NO],
  'policies versions': ['printed', SAYS_NO],
  'policy explain': ['allowed', 'not allowed'],
  'policy test': ['all cases are as they expect', 'some are not'],
  catalog: ['printed', 'the target cannot be asked'],
  'sessions list': ['printed, also when there are none', 'cannot be read'],
  'sessions search': ['printed, also when nothing is found', SAYS_NO],
  'sessions show': ['printed', 'no such session is recorded'],
  'sessions replay': ['printed', 'no such session is recorded'],
  'sessions terminate': ['ended', 'no such session lives, the gateway says no and why, or none answers'],
  login: ['logged in', 'not logged in, and why'],
  logout: ['no ID token is kept any more', 'it cannot be removed'],
  whoami: ['printed, also when you have no role', SAYS_NO],
  'approvals list': ['printed, also when there are none', 'no gateway answers'],
  'approvals show': ['printed', 'there is no such request, the reading cannot be recorded, or no gateway answers'],
  'approvals approve': ['the answer counts', 'it does not, and why'],
  'approvals deny': ['denied', 'the answer does not count, and why'],
  'approvals force': ['let through', 'the answer does not count, and why'],
  'evidence status': ['nothing is late', 'something is, or no gateway answers'],
  'evidence verify': ['verified', 'altered, incomplete, or with --closed still open'],
  'evidence verify-proof': ['the record is in the log', 'it is not, or that is not proven'],
  witness: ['stopped by SIGTERM or SIGINT, or the key printed', 'its folder, its address or its certificate does not let it start'],
  'evidence prove': ['proved', 'not proved, and why'],
  'evidence publish': ['written', 'not written, and why'],
  'evidence rotate-key': ['replaced', 'not replaced, and why; or no gateway answers'],
  'evidence restart-log': ['set aside', 'not done, and why'],
  'evidence export': ['written', 'not written, and why: it could not be recorded, nothing was signed, or the disk'],
  'evidence search': ['printed, also when nothing is found', 'not searched: it could not be recorded, or the index differs from the log'],
  'evidence purge': ['shown, or done', 'not done, and why: another plan by now, nothing to do, or the log cannot be written'],
  'evidence hold add': ['in force', 'not recorded, and why'],
  'evidence hold list': ['printed, also when there are none', 'cannot be read'],
  'evidence hold remove': ['ended', 'there is none of that name, or it cannot be recorded'],
  'evidence jobs': ['printed, also when there are none', SAYS_NO],
  'activity list': ['printed, also when there is none', SAYS_NO],
  'people list': ['printed, also when there is nobody', SAYS_NO],
  'people sign-out': ['ended', SAYS_NO],
  'tokens list': ['printed, also when there are none', SAYS_NO],
  'tokens create': ['made', SAYS_NO],
  'tokens revoke': ['revoked', SAYS_NO],
  'settings show': ['printed', SAYS_NO],
  demo: ['done', 'a step did not show what it should'],
};

/** Puts the exit codes under the help of every command that does something, but for those that are only `named`. Throws when one is not listed: a defect. */
export const addExitCodes = (program: Command, named: ReadonlySet<Command>, path: readonly string[] = []): void => {
  for (const command of program.commands) {
    if (named.has(command)) continue;
    const at = [...path, command.name()];
    if (command.commands.length > 0) {
      addExitCodes(command, named, at);
      continue;
    }
    const meaning = MEANING[at.join(' ')];
    if (!meaning) throw new Error(`the exit codes of ${at.join(' ')} are not written down`);
    command.addHelpText('after', `\nExit codes: 0 ${meaning[0]}; 1 ${meaning[1]}; 2 wrong use`);
  }
};
