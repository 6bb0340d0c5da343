import type { PeopleProvider, PersonName } from '../kit/people.ts';

/** As the gateway is registered with the provider of tests, on whatever port. */
export const REDIRECT = 'http://127.0.0.1/oidc/callback';

/** What came back, read to its end. */
export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  json<T = Record<string, unknown>>(): T;
}

/** A browser as far as signing in and asking goes: cookies of one site, no redirect followed by itself. */
export class Browser {
  readonly site: string;
  /** As the proxy on this machine tells it: each browser is somewhere else, so that no limit of one address is in the way of another. */
  readonly address = `10.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}`;
  readonly cookies = new Map<string, string>();
  csrf: string | undefined;

  constructor(site: string) {
    this.site = site;
  }

  async fetch(path: string, { headers, ...init }: Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> } = {}): Promise<Page> {
    const url = path.startsWith('http') ? path : `${this.site}${path}`;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', ...init, headers: { connection: 'close', 'x-forwarded-for': this.address, ...(cookie === '' ? {} : { cookie }), ...headers } });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s);
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
  }

  get(path: string): Promise<Page> {
    return this.fetch(`/api/v1${path}`);
  }

  /** A change as the page asks for it. */
  post(path: string, body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.fetch(`/api/v1${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', origin: this.site, 'sec-fetch-site': 'same-origin', ...(this.csrf === undefined ? {} : { 'x-csrf-token': this.csrf }), ...headers } });
  }

  /** Goes to a provider and back, as somebody. Gives the answer to the callback. */
  async signIn(people: PeopleProvider, who: PersonName, start = '/login/okta?return=/'): Promise<Page> {
    const begun = await this.fetch(start);
    const location = begun.headers.get('location');
    if (begun.status !== 303 || location === null || !location.startsWith(people.issuer)) return begun;
    const back = await people.complete(location, who);
    const page = await this.fetch(back);
    const me = await this.get('/me');
    this.csrf = me.status === 200 ? me.json<{ csrf?: string }>().csrf : undefined;
    return page;
  }
}
