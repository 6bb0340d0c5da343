import { CopyMalformed, CopyTooLong, longestField } from './copying.ts';
import type { CopyReader } from './copying.ts';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** Reads the fields of a COPY in binary form (COPY, "Binary Format") from chunks cut anywhere. */
export class BinaryCopyParser {
  readonly #reader: CopyReader;
  #state: 'signature' | 'flags' | 'extension' | 'skip' | 'count' | 'length' | 'value' | 'done' = 'signature';
  #need = signature.length;
  #bytes: number[] = [];
  #fields = 0;
  #field = 0;
  #wanted = false;

  constructor(reader: CopyReader) {
    this.#reader = reader;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length || this.#need === 0) {
      const take = Math.min(this.#need, chunk.length - at);
      const kept = this.#state === 'value' ? this.#wanted : this.#state !== 'skip';
      if (kept) for (let index = at; index < at + take; index++) this.#bytes.push(chunk[index]!);
      at += take;
      this.#need -= take;
      if (this.#need > 0) return;
      if (this.#state === 'done') {
        if (at < chunk.length) throw new CopyMalformed();
        return;
      }
      this.#step();
    }
  }

  end(): void {
    // The server also takes data that just ends between two rows.
    if (this.#state !== 'done' && (this.#state !== 'count' || this.#bytes.length > 0)) throw new CopyMalformed();
  }

  #step(): void {
    const bytes = Buffer.from(this.#bytes);
    this.#bytes = [];
    switch (this.#state) {
      case 'signature':
        if (!bytes.equals(signature)) throw new CopyMalformed();
        return this.#next('flags', 4);
      case 'flags':
        return this.#next('extension', 4);
      case 'extension':
        if (bytes.readInt32BE() < 0) throw new CopyMalformed();
        return this.#next('skip', bytes.readInt32BE());
      case 'skip':
        return this.#next('count', 2);
      case 'count':
        this.#fields = bytes.readInt16BE();
        this.#field = 0;
        if (this.#fields === -1) return this.#next('done', 0);
        if (this.#fields < 0) throw new CopyMalformed();
        return this.#afterField();
      case 'length': {
        const length = bytes.readInt32BE();
        this.#wanted = this.#reader.wants(this.#field);
        if (length === -1) {
          if (this.#wanted) this.#reader.field(this.#field, null);
          this.#field++;
          return this.#afterField();
        }
        if (length < 0) throw new CopyMalformed();
        if (this.#wanted && length > longestField) throw new CopyTooLong();
        return this.#next('value', length);
      }
      default:
        if (this.#wanted) this.#reader.field(this.#field, { binary: bytes });
        this.#field++;
        return this.#afterField();
    }
  }

  #next(state: 'flags' | 'extension' | 'skip' | 'count' | 'length' | 'value' | 'done', need: number): void {
    this.#state = state;
    this.#need = need;
  }

  #afterField(): void {
    if (this.#field < this.#fields) return this.#next('length', 4);
    this.#reader.row(this.#fields);
    this.#next('count', 2);
  }
}
