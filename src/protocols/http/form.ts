import { KeptBody, type KeptBytes } from './body.ts';
import type { ClientStream } from './exchange.ts';
import type { RequestHead } from './head.ts';

/** The body is a form. */
export const isForm = (values: RequestHead['values']): boolean => /^application\/x-www-form-urlencoded *(?:;|$)/i.test(values.get('content-type')?.[0] ?? '');

/** The parameters of a form, or of a query. Undefined where one stands there twice: readers differ on which counts. */
export const formParameters = (form: string): ReadonlyMap<string, string> | undefined => {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(form)) {
    if (parameters.has(name)) return undefined;
    parameters.set(name, value);
  }
  return parameters;
};

/** Reads a small form that the gateway itself answers: whose it is, nobody knows yet. `gone`: the client has left, or its body broke off. */
export const readForm = async (client: ClientStream, most: number, kept: KeptBytes): Promise<{ readonly form: string } | { readonly refused: string } | 'gone'> => {
  if (!client.body) return { form: '' };
  const { body: length } = client.head;
  if (length.kind === 'length' && length.length > most) return { refused: 'the request is too large' };
  client.sendContinue();
  const body = new KeptBody(client.body, most, kept.of(''));
  try {
    switch (await body.read()) {
      case 'whole': return { form: body.bytes().toString('latin1') };
      case 'too large': return { refused: 'the request is too large' };
      case 'broken': return 'gone';
      case 'idle': return { refused: 'the body of the request did not come' };
      case 'no room': return { refused: 'the gateway keeps too many bodies already: try again' };
    }
  } finally {
    body.release();
  }
};
