import type { Sha256 } from './bytes.ts';

/*
 * SHA-256 (FIPS 180-4). The browser's own answers each text after a turn of its event loop, which for hundreds of thousands of records takes
 * minutes. The page compares the two before it begins.
 */
const TWO_32 = 0x1_0000_0000;
const K = constants(64, 1 / 3);
const START = constants(8, 1 / 2);
const BLOCK = 64;

/** The first 32 bits of the fractional parts of the roots of the first primes. */
function constants(count: number, power: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let found = 0, candidate = 2; found < count; candidate += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) if (candidate % divisor === 0) prime = false;
    if (!prime) continue;
    const root = candidate ** power;
    words[found] = Math.floor((root - Math.floor(root)) * TWO_32);
    found += 1;
  }
  return words;
}

class Hash {
  readonly #state = new Uint32Array(START);
  readonly #words = new Int32Array(BLOCK);
  readonly #block = new Uint8Array(BLOCK);
  #held = 0;
  #length = 0;

  reset(): void {
    this.#state.set(START);
    this.#held = 0;
    this.#length = 0;
  }

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let at = 0;
    if (this.#held > 0) {
      at = Math.min(BLOCK - this.#held, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < BLOCK) return;
      this.#compress(this.#block, 0);
      this.#held = 0;
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#compress(bytes, at);
    this.#block.set(bytes.subarray(at), 0);
    this.#held = bytes.length - at;
  }

  digest(): Uint8Array {
    const bits = this.#length * 8;
    const end = new Uint8Array(this.#held < 56 ? BLOCK - this.#held : 2 * BLOCK - this.#held);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(bits / TWO_32));
    view.setUint32(end.length - 4, bits % TWO_32);
    this.update(end);
    const digest = new Uint8Array(32);
    const out = new DataView(digest.buffer);
    for (let i = 0; i < 8; i += 1) out.setUint32(i * 4, this.#state[i] as number);
    return digest;
  }

  #compress(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    for (let i = 0, p = at; i < 16; i += 1, p += 4) w[i] = ((bytes[p] as number) << 24) | ((bytes[p + 1] as number) << 16) | ((bytes[p + 2] as number) << 8) | (bytes[p + 3] as number);
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15] as number;
      const y = w[i - 2] as number;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
    }
    const s = this.#state;
    let a = (s[0] as number) | 0;
    let b = (s[1] as number) | 0;
    let c = (s[2] as number) | 0;
    let d = (s[3] as number) | 0;
    let e = (s[4] as number) | 0;
    let f = (s[5] as number) | 0;
    let g = (s[6] as number) | 0;
    let h = (s[7] as number) | 0;
    for (let i = 0; i < 64; i += 1) {
      const t1 = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + (K[i] as number) + (w[i] as number)) | 0;
      const t2 = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    s[0] = (s[0] as number) + a;
    s[1] = (s[1] as number) + b;
    s[2] = (s[2] as number) + c;
    s[3] = (s[3] as number) + d;
    s[4] = (s[4] as number) + e;
    s[5] = (s[5] as number) + f;
    s[6] = (s[6] as number) + g;
    s[7] = (s[7] as number) + h;
  }
}

const whole = new Hash();

export const plainSha256: Sha256 = {
  of: (bytes) => {
    whole.reset();
    whole.update(bytes);
    return whole.digest();
  },
  stream: () => {
    const hash = new Hash();
    return { update: (bytes) => hash.update(bytes), digest: () => hash.digest() };
  },
};
