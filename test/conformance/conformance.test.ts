import { after, before, describe, test } from 'node:test';
import { httpStage } from './http.ts';
import { postgresStage } from './postgres.ts';
import { SCENARIOS, type Stage } from './scenarios.ts';

/** One column for each protocol that the gateway speaks. */
const COLUMNS: Readonly<Record<string, () => Promise<Stage>>> = {
  postgres: postgresStage,
  http: httpStage,
};

for (const [protocol, start] of Object.entries(COLUMNS)) {
  describe(protocol, () => {
    let stage: Stage;
    before(async () => {
      stage = await start();
    });
    after(() => stage.stop());
    for (const [name, play] of Object.entries(SCENARIOS)) test(name, () => play(stage));
  });
}
