import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame of a WebSocket, as it was read. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export const acceptFor = (key: string): string => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** One whole frame, masked as a client has to (RFC 6455 section 5.2). */
export const frame = (opcode: keyof typeof OPCODE, payload: Buffer, masked: boolean): Buffer => {
  const size = payload.length < 126 ? Buffer.from([payload.length]) : payload.length < 65_536 ? Buffer.from([126, payload.length >> 8, payload.length & 255]) : Buffer.from([127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((by) => (payload.length >> by) & 255)]);
  size[0] = (size[0] as number) | (masked ? 0x80 : 0);
  const key = masked ? randomBytes(4) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from([0x80 | OPCODE[opcode]]), size, key, masked ? Buffer.from(payload.map((byte, at) => byte ^ (key[at % 4] as number))) : payload]);
};

/** The whole frames in these bytes, and what is behind them. */
export const framesIn = (bytes: Buffer): { readonly frames: readonly Frame[]; readonly rest: Buffer } => {
  const frames: Frame[] = [];
  let rest = bytes;
  for (;;) {
    if (rest.length < 2) return { frames, rest };
    const short = (rest[1] as number) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (rest.length < head) return { frames, rest };
    const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
    const masked = ((rest[1] as number) & 0x80) !== 0;
    const whole = head + (masked ? 4 : 0) + length;
    if (rest.length < whole) return { frames, rest };
    const key = rest.subarray(head, head + 4);
    const payload = rest.subarray(whole - length, whole);
    frames.push({ opcode: (rest[0] as number) & 15, payload: masked ? Buffer.from(payload.map((byte, at) => byte ^ (key[at % 4] as number))) : Buffer.from(payload) });
    rest = rest.subarray(whole);
  }
};

/** A target that answers a handshake of RFC 6455, and gives each frame to `came`. */
export const serveWebSocket = (request: IncomingMessage, socket: Socket, came: (frame: Frame) => void): void => {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(String(request.headers['sec-websocket-key']))}\r\n\r\n`);
  readFrames(socket, came);
};

/** Each frame that comes on this socket from now on. */
export const readFrames = (socket: Socket, came: (frame: Frame) => void): void => {
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const { frames, rest } = framesIn(bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]));
    bytes = rest;
    frames.forEach(came);
  });
};
