import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/kit/until.ts';
import { aboutOf } from './about.ts';
import { cardOf } from './card.ts';
import { webhookBody } from './webhook.ts';
import { messageOf } from './slack/blocks.ts';
import { Stage } from './testdata/stage.ts';

/** All text of a message with what it stands in. */
const textsIn = (value: unknown, path = ''): [string, string][] => {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  const type = (value as { type?: unknown }).type;
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, typeof type === 'string' ? `${type}.${key}` : `${path}.${key}`));
};

test('mentions, markup and links of a statement act nowhere; what would not be seen is written out', async () => {
  await using stage = await Stage.start();
  const text = 'DROP TABLE "<!channel>", "<@U123>", "@here" -- *bold* `code` <https://evil.example|click> & \u202edaolyap\u202c \u0000\u001b[31m\u200b';
  const request = stage.ask({ text, owner: '<!here> & co', requester: '<@U999>\u202e' });
  const view = stage.scene.approvals.get(request);
  assert.ok(view);
  const about = aboutOf(view, true);
  const { text: fallback, blocks } = messageOf({ ...about, title: `${about.title} <!everyone> & more` }, { request, digest: view.digest });
  assert.equal(fallback, 'Approval needed: drop on db &lt;!everyone&gt; &amp; more; Asked by: migrations');
  const foreign = textsIn(blocks).filter(([, words]) => /<|@|evil|\*/.test(words));
  assert.ok(foreign.length >= 3);
  for (const [where] of foreign) assert.ok(where === 'text.text' , `${where} is read as markup`);
  const all = JSON.stringify({ blocks, card: cardOf(about), about });
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(JSON.parse(`"${all.replaceAll(/["\\]/g, (found) => `\\${found}`)}"`) as string, /[\u202a-\u202e\u200b\u0000\u001b]/);
  assert.ok(about.statement?.includes(String.raw`\u{202e}daolyap\u{202c} \u{0}\u{1b}[31m\u{200b}`));
  assert.equal(textsIn(blocks).some(([where]) => /mrkdwn|broadcast|user\./.test(where)), false);
  await until(() => stage.slack.messages().length === 1);
  assert.doesNotMatch(JSON.stringify(stage.slack.messages()[0]?.body), /"type":"(mrkdwn|user|usergroup|broadcast|link|channel)"/);
  for (const [where, words] of textsIn(cardOf(about))) if (words.includes('evil')) assert.equal(where, 'TextRun.text');
});

test('an enormous statement, many values, effects and names stay within what Slack takes', async () => {
  await using stage = await Stage.start();
  const request = stage.askWith((ask) => ({
    ...ask,
    command: {
      ...ask.command,
      recorded: `DROP TABLE ${'😀\u202e\n'.repeat(100_000)}`,
      parameters: Array.from({ length: 500 }, () => '\u202e'.repeat(5_000)),
      effects: Array.from({ length: 100 }, (_, index) => ({ class: 'schema' as const, verb: 'drop', object: { kind: 'table' as const, schema: '\u202e'.repeat(60), name: `t${index}`, known: true as const } })),
    },
    session: { ...ask.session, principal: { ...ask.session.principal, requester: 'r'.repeat(10_000), owner: { group: 'g'.repeat(5_000), contact: 'c' } } },
  }));
  const view = stage.scene.approvals.get(request);
  assert.ok(view);
  const about = aboutOf(view, true);
  assert.ok((about.statement?.length ?? 0) < 3_100);
  assert.match(about.statement ?? '', /\.\.\. \(cut; 400011 characters in all\)$/);
  assert.ok(about.statement?.isWellFormed());
  await until(() => stage.slack.messages().length === 1 && stage.hook.taken.length === 1);
  assert.ok(JSON.stringify(stage.slack.messages()[0]?.body['blocks']).length < 20_000);
  assert.ok(JSON.stringify(cardOf(about)).length < 28_000);
});

test('a text whose key was destroyed is said to be unreadable', async () => {
  await using stage = await Stage.start();
  const request = stage.ask();
  const view = stage.scene.approvals.get(request);
  assert.ok(view);
  assert.equal(aboutOf({ ...view, text: undefined }, true).statement, 'not readable any more: its key was destroyed');
  assert.equal(aboutOf(view, false).statement, undefined);
  assert.equal(aboutOf({ ...view, parameters: ['x'] }, false).values, undefined);
});

test('rows, the edge of an approval, and literals that are not shown', async () => {
  await using stage = await Stage.start();
  const view = stage.scene.approvals.get(stage.ask());
  assert.ok(view);
  const { facts } = aboutOf({ ...view, rows: 42, maxRows: 100, hidden: 2, inTransaction: true, notCovered: 'the rows that COPY brings' }, false);
  const all = facts.map(({ name, text }) => `${name}: ${text}`);
  for (const wanted of ['Rows: 42 by a count; an approval covers up to 100', 'Not shown: 2 literals', 'Connection: db (postgres), inside a transaction', 'Not covered: the rows that COPY brings']) assert.ok(all.includes(wanted), wanted);
});

test('data that is approved with the command; its own digest goes where the statement goes', async () => {
  await using stage = await Stage.start();
  const view = stage.scene.approvals.get(stage.ask());
  assert.ok(view);
  const covering = { ...view, data: { bytes: 300, rows: 2, sha256: 'ab'.repeat(32) } };
  const told = (includeStatement: boolean): string[] => aboutOf(covering, includeStatement).facts.map(({ name, text }) => `${name}: ${text}`);
  assert.ok(told(false).includes('Data: 2 rows, 300 bytes, covered by the digest'));
  assert.ok(told(true).includes(`Data: 2 rows, 300 bytes, covered by the digest; SHA-256 ${'ab'.repeat(32)}`));
  assert.deepEqual((webhookBody(covering, false, 0)['data'] as { data: unknown }).data, { bytes: 300, rows: 2 });
  assert.deepEqual((webhookBody(covering, true, 0)['data'] as { data: unknown }).data, covering.data);
});

test('what the target estimates, where nothing was counted', async () => {
  await using stage = await Stage.start();
  for (const [estimatedRows, words] of [[1_200, 'the changed tables hold about 1,200 rows, as the target estimates'], [null, 'how many the changed tables hold is not known: never analyzed']] as const) {
    const view = stage.scene.approvals.get(stage.askWith((ask) => ({ ...ask, command: { ...ask.command, recorded: `DROP TABLE t${estimatedRows}` }, bound: { ...ask.bound, parts: [Buffer.from(`${estimatedRows}`)], estimatedRows } })));
    assert.ok(view);
    assert.ok(aboutOf(view, false).facts.some(({ name, text }) => name === 'Rows' && text === `not counted; ${words}`));
    assert.equal((webhookBody(view, false, 0)['data'] as { estimatedRows: unknown }).estimatedRows, estimatedRows);
  }
});

test('an approval that lifts the limit on rows says so', async () => {
  await using stage = await Stage.start();
  const view = stage.scene.approvals.get(stage.askWith((ask) => ({ ...ask, liftsRowLimit: 100 })));
  assert.ok(view);
  assert.ok(aboutOf(view, false).facts.some(({ name, text }) => name === 'Rows' && text === 'no row limit: could not be counted; rowsPerCommand of 100 does not hold for it'));
  assert.equal((webhookBody(view, false, 0)['data'] as { liftsRowLimit: unknown }).liftsRowLimit, 100);
});
