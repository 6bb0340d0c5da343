import { after, before, describe, test } from 'node:test';
import { httpStage } from './http.ts';
import { http1Client } from './http1-client.ts';
import { http2Client } from './http2-client.ts';
import { postgresStage } from './postgres.ts';
import { SCENARIOS, type Stage } from './scenarios.ts';

/** One column for each protocol that the gateway speaks, and for each version of one that has a form of its own. */
const COLUMNS: Readonly<Record<string, () => Promise<Stage>>> = {
  postgres: postgresStage,
  http: () => httpStage('http', http1Client),
  http2: () => httpStage('http2', http2Client),
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
