import assert from 'node:assert/strict';
import { SOON_MS, until } from '../kit/until.ts';

/*
 * What every protocol keeps, in words of no protocol. A protocol adds a column: a Stage that knows how its own clients say
 * these things, and what their answers look like.
 */

/** What a client got. */
export type Said =
  /** An answer, its values as texts. */
  | { readonly kind: 'answer'; readonly values: readonly (string | null)[] }
  /** The target's own kind of error; `refusal` when it is the one of a missing permission. */
  | { readonly kind: 'error'; readonly refusal: boolean; readonly text: string }
  /** The session is over, or cannot go on. `text` is what was said last, if anything. */
  | { readonly kind: 'ended'; readonly text: string };

export type MaskedValue = 'text' | 'binary' | 'null' | 'large' | 'too large';

export interface Client {
  read(): Promise<Said>;
  /** Changes something that `Stage.changes` counts. */
  write(): Promise<Said>;
  forbidden(): Promise<Said>;
  /** Three commands sent at once, two that change something and one that is refused at this place. */
  unit(refusedAt: 0 | 1 | 2): Promise<readonly Said[]>;
  masked(which: MaskedValue): Promise<Said>;
  /** A read whose answer may not be given: beyond a limit, or in a form in which nothing can be masked. */
  withheld(): Promise<Said>;
  /** A command that changes something after a minute; does not wait for it. */
  begin(): Promise<void>;
  /** The answer of what was begun. */
  result(): Promise<Said>;
  /** What a client that has begun nothing learns of the end of its session, or of its target: what it is told, or the answer to what it asks next. */
  idle(): Promise<Said>;
  /** A message that the protocol does not know. */
  nonsense(): Promise<Said>;
  /** Goes without a word. */
  leave(): void;
}

export interface Stage {
  /** What is sent at once takes effect as one, or each command of it stands for itself. */
  readonly together: 'one' | 'each';
  open(): Promise<Client>;
  /** How many changes of these clients the target has. */
  changes(): Promise<number>;
  /** Something that a client has begun runs at the target. */
  running(): Promise<boolean>;
  evidence(state: 'failing' | 'working'): void;
  restartGateway(): Promise<void>;
  loseTarget(): Promise<void>;
  regainTarget(): Promise<void>;
  revoke(): Promise<void>;
  restore(): Promise<void>;
  /** What a mask hides: it may be in no answer. */
  readonly secret: string;
  /** Every intent has an outcome, every session an end, and the log verifies. */
  verify(): Promise<void>;
  stop(): Promise<void>;
}

const answer = (said: Said): readonly (string | null)[] => {
  assert.equal(said.kind, 'answer', JSON.stringify(said));
  return said.kind === 'answer' ? said.values : [];
};
const refused = (said: Said): void => assert.ok(said.kind === 'error' && said.refusal, JSON.stringify(said));

const unchanged = async (stage: Stage, during: () => Promise<void>): Promise<void> => {
  const before = await stage.changes();
  await during();
  assert.equal(await stage.changes(), before, 'something was changed');
};

/** In order: each leaves the stage as it found it. */
export const SCENARIOS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'what is allowed passes': async (stage) => {
    const client = await stage.open();
    assert.ok(answer(await client.read()).length > 0);
    const before = await stage.changes();
    answer(await client.write());
    assert.equal(await stage.changes(), before + 1);
    client.leave();
  },

  'what is denied changes nothing, and the session goes on': async (stage) => {
    const client = await stage.open();
    await unchanged(stage, async () => refused(await client.forbidden()));
    answer(await client.read());
    client.leave();
  },

  'a refusal concerns all of what takes effect as one, and nothing else of what was sent at once': async (stage) => {
    for (const place of [0, 1, 2] as const) {
      const client = await stage.open();
      const before = await stage.changes();
      const said = await client.unit(place);
      assert.equal(said.filter(({ kind }) => kind === 'error').length, 1, JSON.stringify(said));
      refused(said.find(({ kind }) => kind === 'error') as Said);
      if (stage.together === 'each') refused(said[place] as Said);
      assert.equal(await stage.changes(), before + (stage.together === 'one' ? 0 : 2));
      answer(await client.read());
      client.leave();
    }
  },

  'a protected value is masked, in every form': async (stage) => {
    for (const which of ['text', 'binary', 'null', 'large'] as const) {
      const client = await stage.open();
      const [value] = answer(await client.masked(which));
      if (which === 'null') assert.equal(value, null);
      else assert.ok(typeof value === 'string' && value.length > 0 && !value.includes(stage.secret), `${which}: ${value?.slice(0, 80)}`);
      answer(await client.read());
      client.leave();
    }
  },

  'a protected value that is too large to be masked is not given': async (stage) => {
    const client = await stage.open();
    const said = await client.masked('too large');
    assert.notEqual(said.kind, 'answer');
    assert.ok(!JSON.stringify(said).includes(stage.secret));
    client.leave();
  },

  'an answer that may not be given is withheld': async (stage) => {
    const client = await stage.open();
    const said = await client.withheld();
    assert.equal(said.kind, 'error', JSON.stringify(said));
    answer(await client.read());
    client.leave();
  },

  'a message that is not known ends the session': async (stage) => {
    const client = await stage.open();
    assert.equal((await client.nonsense()).kind, 'ended');
  },

  'a client that leaves takes what it began with it': async (stage) => {
    await unchanged(stage, async () => {
      const client = await stage.open();
      await client.begin();
      await until(() => stage.running());
      client.leave();
      await until(async () => !(await stage.running()), 20_000, 'the end of what was begun');
    });
  },

  'a session that is revoked ends at once, and what it began does not happen': async (stage) => {
    await unchanged(stage, async () => {
      const idle = await stage.open();
      const busy = await stage.open();
      await busy.begin();
      await until(() => stage.running());
      await stage.revoke();
      const from = performance.now();
      assert.equal((await busy.result()).kind, 'ended');
      assert.equal((await idle.idle()).kind, 'ended');
      assert.ok(performance.now() - from < SOON_MS);
      await until(async () => !(await stage.running()));
    });
    await assert.rejects(stage.open());
    await stage.restore();
    const again = await until(() => stage.open());
    answer(await again.read());
    again.leave();
  },

  'a client is told that its target has died': async (stage) => {
    const client = await stage.open();
    answer(await client.read());
    await stage.loseTarget();
    const said = await client.idle();
    assert.ok(said.kind === 'ended' && said.text !== '', JSON.stringify(said));
    await assert.rejects(stage.open());
    await stage.regainTarget();
    const again = await until(() => stage.open());
    answer(await again.read());
    again.leave();
  },

  'without evidence nothing runs and no answer is given': async (stage) => {
    const client = await stage.open();
    answer(await client.read());
    await unchanged(stage, async () => {
      stage.evidence('failing');
      assert.notEqual((await client.read()).kind, 'answer');
      client.leave();
      await assert.rejects(stage.open());
    });
    stage.evidence('working');
    await stage.restartGateway();
    const again = await stage.open();
    answer(await again.read());
    again.leave();
  },

  'nothing of it is without an outcome': (stage) => stage.verify(),
};
