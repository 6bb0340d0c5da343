import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { program, PYTHON } from '../../../../test/kit/present.ts';

/** A request for botocore to sign. */
export interface ToSign {
  readonly method: string;
  readonly url: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** One character a byte. */
  readonly body?: string;
  readonly service: string;
  readonly region: string;
  readonly timestamp: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
  readonly where?: 'header' | 'query';
  readonly expires?: number;
  /** The body will be chunked, with its checksum behind it. */
  readonly trailing?: boolean;
  readonly unsigned?: boolean;
}

export interface SignedByBotocore {
  readonly url: string;
  readonly headers: readonly [string, string][];
}

/** Debian's python3 or the one on PATH, whichever has botocore. */
const python = [program('python3'), PYTHON].find((path) => path !== undefined && spawnSync(path, ['-c', 'import botocore'], { stdio: 'ignore' }).status === 0);

/** For node:test's `skip`. */
export const withoutBotocore: string | false = python === undefined ? 'not installed: botocore (pip install botocore)' : false;

/** AWS's own signer, in Python. */
export const signByBotocore = (requests: readonly ToSign[]): readonly SignedByBotocore[] => {
  if (python === undefined) throw new Error('botocore is not installed');
  const ran = spawnSync(python, [fileURLToPath(new URL('sign.py', import.meta.url))], { input: JSON.stringify(requests), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as SignedByBotocore[];
};
