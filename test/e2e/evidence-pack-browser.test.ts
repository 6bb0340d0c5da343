import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { filesOf, makeEvidence, makePack, packAgain, type MadeEvidence } from '../../src/evidence/pack/testdata/packs.ts';
import { BrowserPage, chromiumPath } from '../kit/chromium.ts';
import { tempFolder, type TempFolder } from '../kit/temp.ts';
import { until } from '../kit/until.ts';

const none = chromiumPath() === undefined ? 'Chromium is not installed (Debian: apt-get install chromium)' : false;

/*
 * The page that is in every pack, in a real browser, opened from a file as an auditor does: no server, no network.
 */
describe('verify.html in a browser', { skip: none }, () => {
  let folder: TempFolder;
  let made: MadeEvidence;
  let page: BrowserPage;
  let pack: string;
  let files: Map<string, Buffer>;

  before(async () => {
    folder = tempFolder('pack-page');
    made = await makeEvidence(folder.path);
    pack = folder.file('pack.zip');
    await makePack(made, pack, { seed: 'auditor' });
    files = await filesOf(readFileSync(pack));
    writeFileSync(folder.file('verify.html'), files.get('verify.html') ?? '');
    page = await BrowserPage.open();
  });
  after(async () => {
    await page?.close();
    folder?.remove();
  });

  /** Chooses a pack on a fresh page and verifies it. Gives the text of the result. */
  const verify = async (zip: string, vkeys = '', policy?: string): Promise<string> => {
    await page.go(pathToFileURL(folder.file('verify.html')).href);
    await page.choose('#file', zip);
    await until(() => page.evaluate('!document.querySelector("#verify").disabled'), 20_000, 'the file to be taken');
    await page.evaluate(`document.querySelector('#vkeys').value = ${JSON.stringify(vkeys)}`);
    if (policy !== undefined) await page.choose('#policy', policy);
    await page.evaluate('document.querySelector("#verify").click()');
    return until(async () => (await page.evaluate('document.querySelector("#result").innerText')) as string, 60_000, 'the result');
  };

  const altered = (change: (files: Map<string, Buffer>) => void): string => {
    const edited = new Map(files);
    change(edited);
    const path = folder.file('altered.zip');
    packAgain(edited, path);
    return path;
  };

  test('a good pack: both verdicts, counts, coverage, samples with their texts; and not one request besides the page itself', async () => {
    page.requests.length = 0;
    const text = await verify(pack, made.vkey);
    assert.match(text, /✓ PASSED\s+Integrity/);
    assert.match(text, /✓ COMPLETE\s+Completeness/);
    assert.match(text, /signed by a key that you gave/);
    assert.match(text, /20\s+commands/);
    assert.match(text, /No pause and no silent period was found/);
    assert.match(text, /The sample: 5 of 20 commands/);
    await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
    assert.match(String(await page.evaluate('document.querySelector("#result").innerText')), /select '|drop table/);
    assert.deepEqual(page.requests.filter((url) => !url.endsWith('/verify.html') && !url.startsWith('blob:')), []);
    assert.deepEqual(page.complaints, []);
  });

  test('without a key it says what that is worth; with another key, or one that is mistyped, it fails', async () => {
    assert.match(await verify(pack), /Signed only by the key that the log itself names/);
    const other = await makeEvidence(folder.file('other'));
    assert.match(await verify(pack, other.vkey), /✗ FAILED[\s\S]*no key that was given is of this log/);
    assert.match(await verify(pack, made.vkey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))), /The key or policy cannot be used/);
    writeFileSync(folder.file('policy.txt'), `log ${made.vkey}\nquorum none\n`);
    assert.match(await verify(pack, '', folder.file('policy.txt')), /signed by a key that you gave/);
  });

  test('what somebody altered is named', async () => {
    const csv = 'logs/0/populations/commands.csv';
    assert.match(await verify(altered((edited) => edited.set(csv, Buffer.from((files.get(csv)?.toString() ?? '').replace(',ok,', ',error,'))))), /✗ FAILED[\s\S]*this row is not what the records say[\s\S]*commands\.csv, line 2/);
    const leaves = 'logs/0/log/leaves.bin';
    assert.match(await verify(altered((edited) => edited.set(leaves, Buffer.from((files.get(leaves)?.toString('latin1') ?? '').replace('"rowsReturned":1', '"rowsReturned":7'), 'latin1')))), /it signs another tree/);
    assert.match(await verify(altered((edited) => edited.delete('logs/0/samples/0001/sample.json'))), /is missing/);
    const bytes = readFileSync(pack);
    bytes[5000] = (bytes[5000] as number) ^ 4;
    writeFileSync(folder.file('flipped.zip'), bytes);
    assert.match(await verify(folder.file('flipped.zip')), /✗ FAILED|cannot be verified/);
    writeFileSync(folder.file('no.zip'), 'no zip');
    assert.match(await verify(folder.file('no.zip')), /This file cannot be verified/);
  });

  test('silence is shown as a gap, on the timeline and in words', async () => {
    const silent = await makeEvidence(folder.file('silent'), 5);
    await makePack(silent, folder.file('silent.zip'));
    assert.match(await verify(folder.file('silent.zip'), silent.vkey), /✗ INCOMPLETE[\s\S]*wrote nothing, not even a heartbeat, from 2026-11-02T06:00[\s\S]*ran, but wrote nothing\s+2026-11-02 06:00:00 UTC\s+2026-11-02 11:01:00 UTC\s+5 h 1 min/);
    assert.equal(await page.evaluate('document.querySelectorAll(".timeline .silence").length'), 1);
  });

  test('text of a pack never becomes markup, and cannot turn the page around', async () => {
    const path = folder.file('markup.zip');
    packAgain(files, path, (manifest) => Object.assign(manifest, { made: { at: '2026-12-01T00:00:00.000Z', by: '<img src=x onerror=alert(1)>\u202eevil', with: 'x' } }));
    const text = await verify(path);
    assert.ok(text.includes('<img src=x onerror=alert(1)>\\u{202e}evil'));
    assert.equal(await page.evaluate('document.querySelectorAll("#result img").length'), 0);
  });

  test('it fits a telephone and a wide screen, in both colour schemes; every control has a name', async () => {
    for (const width of [375, 1280]) {
      for (const scheme of ['light', 'dark'] as const) {
        await page.look(width, scheme);
        await verify(pack, made.vkey);
        assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width, `${width} px, ${scheme}: nothing stands out to the side`);
        const contrast = await page.evaluate(CONTRAST);
        assert.deepEqual(contrast, [], `${scheme}: text that is too faint`);
      }
    }
    assert.deepEqual(await page.evaluate('[...document.querySelectorAll("input,textarea,progress")].filter((one) => one.labels.length === 0).map((one) => one.id)'), []);
    assert.equal(await page.evaluate('document.activeElement.id'), 'result', 'the result is what a screen reader goes on with');
  });
});

/** Elements with text whose contrast to their background is below 4.5 (WCAG 2 AA). */
const CONTRAST = `(() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    if (!element.checkVisibility() || ![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')) continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(element.tagName + ': ' + element.textContent.slice(0, 40));
  }
  return found;
})()`;
