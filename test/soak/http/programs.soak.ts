import { PYTHON, requireProgram, skipUnless } from '../../kit/present.ts';
import { runOk } from '../../kit/run.ts';
import type { Soak } from '../soak.ts';
import { together } from '../together.ts';
import { inTurn, startHttpWork } from './http-work.ts';

const REQUESTS = 50;

const PYTHON_JOB = `
import os, requests
url, token = os.environ['URL'], os.environ['TOKEN']
with requests.Session() as session:
    session.headers['Authorization'] = 'Bearer ' + token
    for n in range(${REQUESTS}):
        assert session.get(f'{url}/python/{n}').text == 'ok\\n'
        assert session.post(f'{url}/python', json={'n': n}).status_code == 200
for n in range(${REQUESTS / 5}):
    assert requests.get(f'{url}/python/alone/{n}', auth=('job', token)).status_code == 200
`;
const NODE_JOB = `
const headers = { authorization: 'Bearer ' + process.env.TOKEN };
const one = async (n) => {
  if ((await (await fetch(process.env.URL + '/node/' + n, { headers })).text()) !== 'ok\\n') process.exit(1);
  if ((await fetch(process.env.URL + '/node', { headers, method: 'POST', body: JSON.stringify({ n }) })).status !== 200) process.exit(2);
};
for (let n = 0; n < ${REQUESTS}; n += 10) await Promise.all(Array.from({ length: 10 }, (_, more) => one(n + more)));
`;

/** Jobs as they are written: curl for each request or for a list of them, a session of Python requests, and fetch of Node in a loop, each a program of its own. */
export const soak: Soak = {
  name: 'http-programs',
  missing: () => skipUnless('curl', 'requests') || undefined,
  start: (nodeArgs) => startHttpWork(nodeArgs, {}, async ({ scene, bearer, count }) => {
    const { Authorization = '' } = bearer('writer');
    const env = { URL: scene.url, TOKEN: Authorization.slice('Bearer '.length), REQUESTS_CA_BUNDLE: scene.gateway.caFile, NODE_EXTRA_CA_CERTS: scene.gateway.caFile };
    const curl = ['-sSf', '--cacert', scene.gateway.caFile, '-H', `Authorization: ${Authorization}`, '-o', '/dev/null', '-w', '%{http_code}\n'];
    const isOk = (printed: string, times: number): void => {
      if (printed !== '200\n'.repeat(times)) throw new Error(`curl printed ${printed}`);
    };
    await Promise.all([
      runOk(PYTHON, ['-c', PYTHON_JOB], { env }),
      runOk(process.execPath, ['--input-type=module', '-e', NODE_JOB], { env }),
      together(2, async (n) => inTurn(REQUESTS / 5, async () => isOk(await runOk(requireProgram('curl'), [...curl, ...(n === 0 ? ['--http1.1'] : ['--data-binary', '{"a":1}']), `${scene.url}/curl`]), 1))),
      runOk(requireProgram('curl'), [...curl, '--http1.1', `${scene.url}/curl/[1-${REQUESTS}]`]).then((printed) => isOk(printed, REQUESTS)),
    ]);
    count(REQUESTS * 5 + (REQUESTS / 5) * 3);
  }),
};
