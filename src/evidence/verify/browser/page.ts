import { equal, type Sha256 } from '../pack/bytes.ts';
import { BadNote, NoEd25519, verifyEd25519 } from '../pack/note.ts';
import { trustIn } from '../pack/policy.ts';
import { plainSha256 } from '../pack/sha256.ts';
import { verifyPack } from '../pack/verify.ts';
import { NotAPack, PackAltered } from '../pack/zip.ts';
import { number, shown } from './elements.ts';
import { failureView, resultView } from './result-view.ts';

/** What the page needs. */
const BROWSERS = 'Use Chrome or Edge 137, Firefox 130, Safari 17, or anything newer.';
/** The page draws and reacts at least so often. */
const TURN_MS = 30;
const MOST_POLICY = 1024 * 1024;

/** Whole files by the browser's own, records by the page's: the browser's answers too late for hundreds of thousands of them. */
const sha256: Sha256 = { ...plainSha256, whole: async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)) };

const byId = <Kind extends HTMLElement>(id: string): Kind => document.querySelector(`#${id}`) as Kind;

const [file, policy] = [byId<HTMLInputElement>('file'), byId<HTMLInputElement>('policy')];
const [verify, drop, result, progress] = [byId<HTMLButtonElement>('verify'), byId('drop'), byId('result'), byId('progress')];
const [bar, said] = [byId<HTMLProgressElement>('bar'), byId('progress-text')];
let chosen: File | undefined;

const choose = (pack: File | undefined): void => {
  if (!pack) return;
  chosen = pack;
  byId('chosen').textContent = `${shown(pack.name)}, ${number(Math.ceil(pack.size / 1024))} KiB`;
  verify.disabled = false;
  result.replaceChildren();
};

/** That the page's own SHA-256 is the browser's, and that the browser can check signatures: RFC 8032, 7.1, test 1. */
const able = async (): Promise<void> => {
  if (typeof DecompressionStream === 'undefined' || globalThis.crypto?.subtle === undefined) throw new NoEd25519('this browser cannot unpack or hash what is in a pack');
  const bytes = crypto.getRandomValues(new Uint8Array(1000));
  if (!equal(plainSha256.of(bytes), new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))) throw new NoEd25519('this browser computes SHA-256 in two ways that differ');
  const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const key = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  const signature = hex('e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b');
  const wrong = Uint8Array.from(signature, (byte, i) => (i === 40 ? byte ^ 1 : byte));
  if (!(await verifyEd25519(key, signature, new Uint8Array(0))) || (await verifyEd25519(key, wrong, new Uint8Array(0)))) throw new NoEd25519('this browser does not check Ed25519 signatures as it should');
};

let turn = 0;
const onProgress = async (done: number): Promise<void> => {
  if (performance.now() - turn < TURN_MS) return;
  bar.value = Math.floor(done * 100);
  said.textContent = `Verifying: ${bar.value} %`;
  await new Promise((resolve) => setTimeout(resolve));
  turn = performance.now();
};

const run = async (pack: File): Promise<void> => {
  const begun = performance.now();
  try {
    await able();
    const given = policy.files?.[0];
    if (given && given.size > MOST_POLICY) throw new BadNote('the policy file is longer than a policy may be');
    const vkeys = byId<HTMLTextAreaElement>('vkeys').value.split('\n').filter((line) => line.trim() !== '');
    const trust = trustIn(vkeys, given ? await given.text() : undefined, plainSha256);
    const verdict = await verifyPack(pack, { sha256, trust, onProgress });
    result.replaceChildren(...resultView(pack.name, verdict, (performance.now() - begun) / 1000));
  } catch (error) {
    const { message } = error as Error;
    const title = error instanceof NoEd25519 ? `${message[0]?.toUpperCase()}${message.slice(1)}` : error instanceof BadNote ? 'The key or policy cannot be used' : error instanceof PackAltered ? 'This pack was altered' : error instanceof NotAPack ? 'This file cannot be verified' : 'The file could not be read';
    result.replaceChildren(failureView(title, error instanceof NoEd25519 ? BROWSERS : message));
  }
};

const start = async (): Promise<void> => {
  if (!chosen) return;
  verify.disabled = true;
  progress.hidden = false;
  bar.value = 0;
  result.replaceChildren();
  await run(chosen);
  progress.hidden = true;
  verify.disabled = false;
  result.focus();
};

file.addEventListener('change', () => choose(file.files?.[0]));
verify.addEventListener('click', () => void start());
for (const type of ['dragenter', 'dragover']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
for (const type of ['dragleave', 'drop']) document.addEventListener(type, () => drop.classList.remove('over'));
document.addEventListener('drop', (event) => {
  event.preventDefault();
  choose(event.dataTransfer?.files[0]);
});
