import type { Command } from 'commander';
import { askLocal } from '../control/local.ts';
import type { EvidenceStatus } from '../evidence/elsewhere.ts';
import type { WitnessedStatus } from '../evidence/witnesses/collector.ts';
import { columns, visibleLine, wrongUse } from './recorded.ts';
import { dataFolderOf, type AskOptions } from './reload.ts';

/** `wicketgate evidence status`: exit code 0 nothing is late, 1 something is, or no gateway answers, 2 wrong use. */
export function registerEvidenceStatus(evidence: Command): void {
  evidence
    .command('status')
    .description('what the running gateway has recorded and signed, and how far it is witnessed')
    .option('--config <file or folder>', 'the configuration whose gateway is meant')
    .option('--data <folder>', 'or its data folder')
    .option('--json', 'print for programs')
    .action(run);
}

const run = async ({ config, data, json }: AskOptions): Promise<void> => {
  const folder = data ?? (config === undefined ? undefined : await dataFolderOf(config));
  if (folder === undefined) {
    if (config === undefined) wrongUse('give --config or --data');
    return;
  }
  try {
    const answer = await askLocal(folder, { do: 'evidence' });
    if (!answer.ok) throw new Error(answer.error);
    const status = answer.result as EvidenceStatus;
    process.stdout.write(json ? `${JSON.stringify(status)}\n` : describeStatus(status));
    if (status.witnessed.late || status.anchors.some(({ late }) => late)) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`${visibleLine((error as Error).message)}\n`);
    process.exitCode = 1;
  }
};

/** The status for people. */
const describeStatus = (status: EvidenceStatus): string => {
  const { signed, witnessed } = status;
  const lines = [
    `log        ${status.log}`,
    `key        ${status.key}`,
    `records    ${status.records} durable`,
    `signed     ${signed === undefined ? 'nothing yet' : `${signed.size}${signed.age === undefined ? '' : `, ${seconds(signed.age)} ago`}`}`,
    witnessedLine(witnessed),
  ];
  const rows = witnessed.witnesses.map(({ name, state, cosigned, detail }) => [name, state, cosigned === undefined ? '-' : String(cosigned.size), detail ?? ''].map(visibleLine));
  const anchors = status.anchors.map(({ name, type, kept, late, fault }) => [name, type, kept === undefined ? '-' : `${kept.size}, ${seconds(kept.age)} ago`, late ? 'LATE' : '', fault ?? ''].map(visibleLine));
  return [
    ...lines,
    ...(rows.length === 0 ? [] : ['', columns([['WITNESS', 'STATE', 'COSIGNED', ''], ...rows]).trimEnd()]),
    ...(anchors.length === 0 ? [] : ['', columns([['ANCHOR', 'TYPE', 'KEPT', '', ''], ...anchors]).trimEnd()]),
    '',
  ].join('\n');
};

const witnessedLine = ({ of, quorum, witnessed, late }: WitnessedStatus): string => {
  if (of === 0) return 'UNWITNESSED: no witness is configured; who holds this machine can cut or rewrite the log without a trace elsewhere';
  const needed = quorum === of ? '' : `, ${quorum} needed`;
  if (witnessed === undefined) return `UNWITNESSED by all ${of}${needed}${late ? ' for more than 5 minutes' : ': none has cosigned enough yet'}`;
  return `${late ? 'LATE: ' : ''}WITNESSED ${witnessed.by.length} of ${of}${needed}: up to record ${witnessed.size - 1}, ${seconds(witnessed.age)} ago`;
};

const seconds = (count: number): string => (count < 120 ? `${count} s` : count < 7200 ? `${Math.floor(count / 60)} min` : `${Math.floor(count / 3600)} h`);
