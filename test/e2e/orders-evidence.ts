import { join } from 'node:path';
import type { Orders } from './orders-scene.ts';
import { described } from './orders-script.ts';
import { readEvidence } from './recorded-evidence.ts';

/* What the target logged of all that was played, held against the records. */

const MARK = /w\d+_\d+w/g;
/** What a target logs of a statement that came to it. */
const CAME = / app@postgres\/wg:(\w+):\S* .*?LOG: {2}(statement|execute [^:]*(?::own\/wicketgate:own)?): (.*)$/;
const OWN = 'wicketgate:own';
/** Ahead of a recorded form: what its names stand for. */
const NAMES = /^(?:-- "\w*" stands for:\n.*?;\n\n)+/s;

/** What the log of the target and the recorded form have in common: neither comments nor literals, which may be hidden. */
const bare = (text: string): string => text.replaceAll(/\/\*.*?\*\/|--[^\n]*/g, ' ').replaceAll(/'[^']*'|<[^>]*>/g, '?').replaceAll(/\s+/g, ' ').replaceAll(' ;', ';').replace(/[; ]+$/, '').trim();

/** Stops the gateway, and tells what its log, the log of the target and the records do not have in common. */
export const recordedAll = async ({ scene, scripts }: Orders): Promise<string[]> => {
  const wrong: string[] = [];
  for (const line of scene.gateway.logLines()) if (line['msg'] === 'session failed' || line['level'] === 'error') wrong.push(JSON.stringify(line));
  await scene.gateway.terminate();
  const { commands } = await readEvidence(scene.gateway.dataDir, join(scene.gateway.folder, 'keys'));
  const recorded = new Map<string, number>();
  for (const { kind, statement, session } of commands) {
    const key = `${session.slice(0, 12)} ${bare((statement ?? '').replace(NAMES, ''))}`;
    if (kind === 'intent') recorded.set(key, (recorded.get(key) ?? 0) + 1);
  }
  const refused = new Set(scripts.flatMap((one) => one.refused));
  const came = new Map<string, number>();
  for (const line of scene.target.log().split('\n')) {
    if (!line.includes('@postgres/wg:')) continue;
    const marks = (line.match(MARK) ?? []);
    const script = (): string => marks.map((mark) => described(scripts[Number(/\d+/.exec(mark)?.[0])]!.script))[0] ?? '';
    if (marks.some((mark) => refused.has(mark))) wrong.push(`refused, and came to the target: ${line}\n${script()}`);
    const [, session, how, text] = CAME.exec(line) ?? [];
    if (session === undefined || how === undefined || text === undefined || how.includes(OWN)) continue;
    const key = `${session} ${bare(text)}`;
    // A portal that goes on is still the same command.
    const times = how === 'statement' ? (came.get(key) ?? 0) + 1 : Math.max(1, came.get(key) ?? 0);
    came.set(key, times);
    if (times > (recorded.get(key) ?? 0)) wrong.push(`not on record: ${line}\n${script()}`);
  }
  return wrong;
};
