import { Command } from 'commander';
import { version } from '../build.ts';
import { renderAnswer } from '../protocols/postgres/render.ts';
import { registerCa } from './ca.ts';
import { registerCatalog } from './catalog.ts';
import { registerCheck } from './check.ts';
import { registerDemo } from './demo.ts';
import { registerEvidenceVerify } from './evidence-verify.ts';
import { addExitCodes } from './exit-codes.ts';
import { registerIdentities } from './identities.ts';
import { registerPolicyExplain } from './policy-explain.ts';
import { registerPolicyTest } from './policy-test.ts';
import { registerReload } from './reload.ts';
import { registerSessionsList } from './sessions-list.ts';
import { registerSessionsReplay } from './sessions-replay.ts';
import { registerSessionsShow } from './sessions-show.ts';
import { registerSessionsTerminate } from './sessions-terminate.ts';
import { sqlCommand, sqlObjection } from './sql-command.ts';
import { registerStart } from './start.ts';

/** All commands, one file each. Throws a CommanderError instead of ending the process. */
export const createProgram = (): Command => {
  const program = new Command('wicketgate').description('A gateway between machine identities and what they reach').version(version).showHelpAfterError('(--help shows what there is)');
  registerStart(program);
  registerCheck(program);
  registerReload(program);
  registerCa(program);
  registerIdentities(program);
  registerPolicyExplain(program, { toCommand: sqlCommand, objection: sqlObjection });
  registerPolicyTest(program, { toCommand: sqlCommand });
  registerCatalog(program);
  const sessions = program.command('sessions').description('recorded and live sessions');
  registerSessionsList(sessions);
  registerSessionsShow(sessions);
  registerSessionsReplay(sessions, { render: (_protocol, bytes) => renderAnswer(bytes) });
  registerSessionsTerminate(sessions);
  const evidence = program.command('evidence').description('the evidence log');
  registerEvidenceVerify(evidence);
  registerDemo(program);
  addExitCodes(program);
  overrideExit(program);
  return program;
};

/** Wrong use is 2 everywhere, also in subcommands. */
const overrideExit = (command: Command): void => {
  command.exitOverride();
  for (const child of command.commands) overrideExit(child);
};
