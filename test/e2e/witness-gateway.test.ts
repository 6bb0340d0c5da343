import assert from 'node:assert/strict';
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { EvidenceStatus } from '../../src/evidence/elsewhere.ts';
import { parseCheckpointText } from '../../src/evidence/tlog/checkpoint.ts';
import { cosignatureVerifier } from '../../src/evidence/tlog/cosignature.ts';
import { ED25519_COSIGNATURE, formatVkey, generateSigner, noteVerifier, openNote, parseVkey } from '../../src/evidence/tlog/note.ts';
import { originHash } from '../../src/witness/memory.ts';
import type { Gateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';
import { witnessProcess, type WitnessProcess } from '../kit/witness.ts';
import { plainClient, plainConfig, startPlainGateway, startSurroundings, type Surroundings } from './plain-stage.ts';

let around: Surroundings;
before(async () => {
  around = await startSurroundings();
});
after(() => around[Symbol.asyncDispose]());

const status = async (gateway: Gateway): Promise<EvidenceStatus> => JSON.parse((await gateway.cli('evidence', 'status', '--config', gateway.configFile, '--json')).stdout) as EvidenceStatus;

const witnessedBy = (witnesses: readonly WitnessProcess[], quorum?: number) =>
  plainConfig(around, { evidence: { witnesses: witnesses.map(({ key, url }, index) => ({ name: `w${index}`, url, key })), ...(quorum === undefined ? {} : { quorum }) } });

const ran = async (gateway: Gateway, statements: number): Promise<void> => {
  const client = await plainClient(around, gateway, 'writer');
  for (let i = 0; i < statements; i += 1) await client.query(`SELECT ${i}`);
  await client.end();
};

/** What the witness knows of the log. */
const known = async (witness: WitnessProcess, log: string): Promise<{ size: number; root: string; note: string } | undefined> => {
  const response = await fetch(`${witness.url}/${originHash(log)}/checkpoint`);
  if (!response.ok) return undefined;
  const note = await response.text();
  const { size, root } = parseCheckpointText(`${note.split('\n\n')[0]}\n`);
  return { size, root: root.toString('base64'), note };
};

const opened = (note: string, key: string, witnesses: readonly WitnessProcess[]) => openNote(note, [noteVerifier(parseVkey(key)), ...witnesses.map((one) => cosignatureVerifier(parseVkey(one.key)))]);

test('two witnesses cosign a gateway\'s log: while it works, over kills and stops of either side, and its last record', async () => {
  await using one = await witnessProcess({ name: 'one.example/w' });
  await using two = await witnessProcess({ name: 'two.example/w' });
  await using gateway = await startPlainGateway(plainConfig(around));
  const alone = await status(gateway);
  assert.match((await gateway.cli('evidence', 'status', '--config', gateway.configFile)).stdout, /UNWITNESSED: no witness is configured/);
  assert.ok(gateway.logLines().some(({ msg, key }) => msg === 'ready' && key === alone.key), 'the key of the log is told');
  await one.start([alone.key]);
  await two.start([alone.key]);
  await ran(gateway, 20);

  const config = witnessedBy([one, two]);
  await gateway.reload(config);
  await until(async () => ((await status(gateway)).witnessed.witnessed?.size ?? 0) > 40, 30_000, 'both to cosign');
  const now = await status(gateway);
  assert.deepEqual([now.witnessed.of, now.witnessed.quorum, now.witnessed.late, now.witnessed.witnessed?.by.toSorted()], [2, 2, false, ['w0', 'w1']]);
  const said = await gateway.cli('evidence', 'status', '--config', gateway.configFile);
  assert.equal(said.code, 0);
  assert.match(said.stdout, /WITNESSED 2 of 2: up to record \d+, \d+ s ago/);
  assert.ok(gateway.logLines().some(({ change }) => change === 'witness added: w1'));
  const metrics = await (await fetch(`${gateway.control}/metrics`)).text();
  assert.match(metrics, /wicketgate_evidence_witnessed_by 2/);
  assert.match(metrics, /wicketgate_evidence_witnessed_late 0/);
  assert.match(metrics, /wicketgate_witness_cosigning\{witness="w1"\} 1/);
  const file = join(gateway.dataDir, 'evidence', 'tlog', 'checkpoint.witnessed');
  assert.equal(opened(readFileSync(file, 'utf8'), now.key, [one, two]).verified.length, 3);

  // A witness that is killed: the other one goes on, and the first one catches up when it is back.
  await one.kill9();
  const before = now.witnessed.witnessed?.size ?? 0;
  await ran(gateway, 5);
  await until(async () => {
    const [first, second] = (await status(gateway)).witnessed.witnesses;
    return first?.state === 'unreachable' && second?.state === 'cosigning' && (second.cosigned?.size ?? 0) > before;
  }, 40_000, 'the second to go on alone');
  await one.start([now.key]);
  await until(async () => ((await status(gateway)).witnessed.witnessed?.size ?? 0) > before, 60_000, 'both again');

  // The gateway is killed and comes back with what was witnessed.
  await gateway.kill9();
  await gateway.start();
  const back = await status(gateway);
  assert.ok((back.witnessed.witnessed?.size ?? 0) > 0, 'what was witnessed is not forgotten');
  await ran(gateway, 5);
  await until(async () => ((await status(gateway)).witnessed.witnessed?.size ?? 0) > back.records, 40_000, 'what came after the kill');

  // Its stop is witnessed to the last record.
  assert.equal(await gateway.terminate(), 0);
  const last = readFileSync(join(gateway.dataDir, 'evidence', 'tlog', 'checkpoint'), 'utf8');
  const shown = opened(readFileSync(file, 'utf8'), now.key, [one, two]);
  assert.equal(shown.verified.length, 3);
  assert.equal(shown.text, `${last.split('\n\n')[0]}\n`, 'the last checkpoint is the witnessed one');
  for (const witness of [one, two]) assert.equal((await known(witness, now.log))?.size, parseCheckpointText(shown.text).size);
  const verified = await gateway.cli('evidence', 'verify', join(gateway.dataDir, 'evidence'), '--closed');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  // An auditor's policy: both of them. One that nobody asked is missed.
  const policy = join(gateway.folder, 'policy');
  const logs = `log ${now.key}\nwitness one ${one.key}\nwitness two ${two.key}\n`;
  const stranger = formatVkey(generateSigner('stranger.example/w', ED25519_COSIGNATURE));
  for (const [text, code] of [[`${logs}group both all one two\nquorum both\n`, 0], [`${logs}witness three ${stranger}\ngroup all all one two three\nquorum all\n`, 1]] as const) {
    writeFileSync(policy, text);
    const judged = await gateway.cli('evidence', 'verify', join(gateway.dataDir, 'evidence'), '--policy', policy);
    assert.equal(judged.code, code, `${text}${judged.stdout}${judged.stderr}`);
  }
});

test('the log\'s key is replaced: a witness that knows only the old one refuses and is named; with both it goes on where it was', async () => {
  await using witness = await witnessProcess();
  await using gateway = await startPlainGateway(plainConfig(around));
  const { key, log } = await status(gateway);
  await witness.start([key]);
  await gateway.reload(witnessedBy([witness]));
  await until(async () => (await status(gateway)).witnessed.witnessed !== undefined, 30_000, 'the witness to cosign');
  const rotated = await gateway.cli('evidence', 'rotate-key', '--config', gateway.configFile);
  assert.equal(rotated.code, 0, rotated.stdout + rotated.stderr);
  const next = (await status(gateway)).key;
  assert.notEqual(next, key);
  await ran(gateway, 3);
  await until(async () => (await status(gateway)).witnessed.witnesses[0]?.state === 'refused', 60_000, 'the refusal');
  assert.match((await status(gateway)).witnessed.witnesses[0]?.detail ?? '', /does not know the key of this log/);
  const before = await known(witness, log);
  await witness.terminate();
  await witness.start([key, next]);
  await until(async () => ((await status(gateway)).witnessed.witnessed?.size ?? 0) > (before?.size ?? 0), 90_000, 'the witness to go on');
  assert.equal(opened((await known(witness, log))?.note ?? '', next, [witness]).verified.length, 2);
});

test('an old copy of data and keys is put back and the gateway goes on another way: the witness refuses, the gateway says so, and the proof stays', async () => {
  await using witness = await witnessProcess();
  await using gateway = await startPlainGateway(plainConfig(around));
  const { key, log } = await status(gateway);
  await witness.start([key]);
  await gateway.reload(witnessedBy([witness]));
  await until(async () => (await status(gateway)).witnessed.witnessed !== undefined, 30_000, 'the witness to cosign');
  assert.equal(await gateway.terminate(), 0);
  const folders = ['data', 'keys'] as const;
  for (const name of folders) cpSync(join(gateway.folder, name), join(gateway.folder, `${name}.old`), { recursive: true });

  await gateway.start();
  await ran(gateway, 30);
  await until(async () => ((await status(gateway)).witnessed.witnesses[0]?.cosigned?.size ?? 0) > 60, 30_000, 'the true history to be witnessed');
  assert.equal(await gateway.terminate(), 0);
  const truth = await known(witness, log);
  assert.ok(truth);

  for (const name of folders) {
    rmSync(join(gateway.folder, name), { recursive: true });
    renameSync(join(gateway.folder, `${name}.old`), join(gateway.folder, name));
  }
  await gateway.start();
  const fault = async (): Promise<string | undefined> => (await status(gateway)).witnessed.witnesses[0]?.state;
  await until(async () => (await fault()) === 'ahead', 30_000, 'the old copy to be noticed');
  const told = (kind: string): boolean => gateway.logLines().some(({ level, fault: named, witness: whose }) => level === 50 && named === kind && whose === 'w0');
  assert.ok(told('ahead'), gateway.log());
  await ran(gateway, 60);
  await until(async () => (await fault()) === 'inconsistent', 90_000, 'the other history to be noticed');
  assert.ok(told('inconsistent'));
  const metrics = await (await fetch(`${gateway.control}/metrics`)).text();
  assert.match(metrics, /wicketgate_witness_faults_total\{witness="w0",kind="inconsistent"\} \d/);
  assert.match(metrics, /wicketgate_witness_cosigning\{witness="w0"\} 0/);
  assert.deepEqual(await known(witness, log), truth, 'the witness stands by what it saw');
  const proof = join(gateway.dataDir, 'evidence', 'tlog', 'conflicts', `w0-${truth.size}.note`);
  assert.equal(readFileSync(proof, 'utf8'), truth.note, 'what the witness saw is kept');
  const held = await gateway.cli('evidence', 'verify', join(gateway.dataDir, 'evidence'), '--checkpoint', proof);
  assert.equal(held.code, 1, held.stdout);
  assert.equal((await gateway.cli('evidence', 'status', '--config', gateway.configFile)).stdout.includes('inconsistent'), true);
  await ran(gateway, 1);
});

test('a witness that is not there holds nothing up: commands, reload, stop', async () => {
  await using witness = await witnessProcess();
  await using gateway = await startPlainGateway(witnessedBy([witness]));
  const begun = performance.now();
  await ran(gateway, 50);
  assert.ok(performance.now() - begun < 20_000);
  const said = await gateway.cli('evidence', 'status', '--config', gateway.configFile);
  assert.match(said.stdout, /UNWITNESSED by all 1/);
  assert.match(said.stdout, /unreachable/);
  await gateway.reload(plainConfig(around));
  await until(() => gateway.logLines().some(({ change }) => change === 'witness removed: w0'), 20_000, 'the reload');
  const stopping = performance.now();
  assert.equal(await gateway.terminate(), 0);
  assert.ok(performance.now() - stopping < 20_000);
});
