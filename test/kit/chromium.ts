import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { release, takeProcess } from './reaper.ts';
import { tempFolder } from './temp.ts';
import { until } from './until.ts';

/** Chromium of the system, or undefined when there is none. */
export const chromiumPath = (): string | undefined => (process.env['PATH'] ?? '/usr/bin').split(delimiter).flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name))).find(executable);

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

type Answer = Readonly<Record<string, unknown>>;

/** A page of a real browser without a screen, spoken to by the DevTools protocol. */
export class BrowserPage {
  readonly #socket: WebSocket;
  readonly #process: ChildProcess;
  readonly #done: () => Promise<void>;
  readonly #waiting = new Map<number, { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }>();
  /** What the page asked the network for, and what it complained of. */
  readonly requests: string[] = [];
  readonly complaints: string[] = [];
  #last = 0;
  #session = '';

  constructor(socket: WebSocket, process: ChildProcess, done: () => Promise<void>) {
    this.#socket = socket;
    this.#process = process;
    this.#done = done;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Answer));
  }

  /** Opens a page in a browser of its own. */
  static async open(): Promise<BrowserPage> {
    const path = chromiumPath();
    if (path === undefined) throw new Error('there is no Chromium');
    const folder = tempFolder('chromium');
    const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--remote-debugging-port=0', `--user-data-dir=${folder.path}`, 'about:blank'];
    const child = spawn(path, args, { stdio: 'ignore', detached: true });
    if (child.pid !== undefined) takeProcess(child.pid, 'KILL');
    const done = async (): Promise<void> => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.pid !== undefined) {
        process.kill(-child.pid, 'SIGKILL');
        await ended;
      }
      if (child.pid !== undefined) release(child.pid);
      rmSync(folder.path, { recursive: true, force: true, maxRetries: 5 });
    };
    try {
      const [port, where] = await until(() => readFileSync(join(folder.path, 'DevToolsActivePort'), 'utf8').split('\n'), 60_000, 'Chromium to listen');
      const socket = new WebSocket(`ws://127.0.0.1:${port}${where}`);
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve);
        socket.addEventListener('error', () => reject(new Error('Chromium does not answer')));
      });
      const page = new BrowserPage(socket, child, done);
      await page.#attach();
      return page;
    } catch (error) {
      await done();
      throw error;
    }
  }

  async #attach(): Promise<void> {
    const { targetInfos } = await this.send('Target.getTargets');
    const target = (targetInfos as { type: string; targetId: string }[]).find(({ type }) => type === 'page');
    const { sessionId } = await this.send('Target.attachToTarget', { targetId: target?.targetId, flatten: true });
    this.#session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'DOM']) await this.send(`${domain}.enable`);
  }

  /** One command of the protocol. */
  send(method: string, params: Answer = {}): Promise<Answer> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params, ...(this.#session === '' ? {} : { sessionId: this.#session }) }));
    });
  }

  async go(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
    await until(async () => (await this.evaluate('document.readyState')) === 'complete', 60_000, 'the page to load');
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  /** Chooses files in an input, as a person would. */
  async choose(selector: string, ...files: readonly string[]): Promise<void> {
    const { result } = await this.send('Runtime.evaluate', { expression: `document.querySelector(${JSON.stringify(selector)})` });
    await this.send('DOM.setFileInputFiles', { files, objectId: (result as { objectId: string }).objectId });
  }

  /** How wide the page is, and in which colours. */
  async look(width: number, scheme: 'light' | 'dark'): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** A picture of the whole page (PNG). */
  async picture(): Promise<Buffer> {
    const { cssContentSize } = await this.send('Page.getLayoutMetrics');
    const { width, height } = cssContentSize as { width: number; height: number };
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true, clip: { x: 0, y: 0, width, height: Math.min(height, 8000), scale: 1 } });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#done();
  }

  #take({ id, method, params, result, error }: Answer): void {
    if (method === 'Network.requestWillBeSent') this.requests.push(String((params as { request: { url: string } }).request.url));
    if (method === 'Log.entryAdded') this.complaints.push(String((params as { entry: { text: string } }).entry.text));
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params));
    const waiting = this.#waiting.get(id as number);
    if (!waiting) return;
    this.#waiting.delete(id as number);
    if (error) waiting.reject(new Error(`${this.#process.pid}: ${(error as { message: string }).message}`));
    else waiting.resolve(result as Answer);
  }
}
