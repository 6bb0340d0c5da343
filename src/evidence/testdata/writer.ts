import { writeSync } from 'node:fs';
import { openEvidenceLog } from '../open.ts';
import { intent, outcome, sessionOpen, statement } from './records.ts';

/**
 * A process that writes evidence until it is killed. Prints `w <sequence>` for each record that the log called written and
 * `d <sequence>` for each that it called durable.
 */
const [folder, keysFolder] = process.argv.slice(2) as [string, string];
const log = await openEvidenceLog({ folder, keysFolder, instance: 'gw-1', build: 'b', config: 'c', segmentBytes: 256 * 1024 });
const session = `s${process.pid}`;
const opened = log.append(sessionOpen(session));
const say = (line: string): void => void writeSync(1, `${line}\n`);
await new Promise<void>((resolve) => void opened.whenDurable(() => resolve()));
say(`d ${opened.sequence}`);
for (let command = 1; ; command += 1) {
  // Where the next segment is not ready in time, no command is admitted, as by the gateway.
  await log.prepare();
  const asked = log.append(intent(session, command), [statement(`select ${command}`)]);
  const ended = log.append(outcome(session, command));
  asked.whenDurable(() => say(`d ${asked.sequence}`));
  await new Promise<void>((resolve) => {
    ended.whenWritten(() => {
      say(`w ${ended.sequence}`);
      resolve();
    });
  });
  if (command % 7 !== 0) continue;
  await log.prepare();
  log.append(intent(session, (command += 1)), [statement('select pg_sleep(1)')]);
}
