import { createConnection } from 'node:net';

/**
 * Runs one SELECT over plaintext and throws the rows away without reading them: a client that costs as little as one can.
 * Gives megabytes a second. Logs in with a cleartext password, or by trust.
 */
export const drain = (host: string, port: number, login: { readonly user: string; readonly database: string; readonly password?: string }, sql: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host, port });
    let asked = false;
    let bytes = 0;
    let started = 0;
    let tail = Buffer.alloc(0);
    const message = (type: string, text: string): Buffer => {
      const body = Buffer.from(`${text}\0`);
      const frame = Buffer.alloc(5 + body.length);
      frame.write(type, 0, 'latin1');
      frame.writeInt32BE(4 + body.length, 1);
      body.copy(frame, 5);
      return frame;
    };
    socket.setNoDelay(true);
    socket.on('connect', () => {
      const body = Buffer.from(`user\0${login.user}\0database\0${login.database}\0\0`);
      const head = Buffer.alloc(8);
      head.writeInt32BE(8 + body.length, 0);
      head.writeInt32BE(196608, 4);
      socket.write(Buffer.concat([head, body]));
    });
    socket.on('data', (chunk: Buffer) => {
      if (!asked) {
        if (chunk[0] === 0x45) {
          socket.destroy();
          reject(new Error(`refused: ${chunk.toString('latin1').replaceAll('\0', ' ')}`));
          return;
        }
        if (chunk[0] === 0x52 && chunk.readInt32BE(5) === 3) socket.write(message('p', login.password ?? ''));
      } else bytes += chunk.length;
      // ReadyForQuery is the last message: 'Z', length 5, a status.
      tail = Buffer.concat([tail, chunk.subarray(-6)]).subarray(-6);
      if (tail[0] !== 0x5a || tail.readInt32BE(1) !== 5) return;
      if (!asked) {
        asked = true;
        started = performance.now();
        socket.write(message('Q', sql));
        return;
      }
      socket.destroy();
      resolve(bytes / 1e6 / ((performance.now() - started) / 1000));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
