import { createConnection, createServer } from 'node:net';

// bench/forwarder.ts PORT TARGET: passes bytes between a client and a port of this machine, and looks at none of them: the least that a gateway in Node costs.
const [port, target] = process.argv.slice(2).map(Number);

createServer({ noDelay: true }, (client) => {
  const server = createConnection({ host: '127.0.0.1', port: target ?? 0, noDelay: true });
  for (const [from, to] of [[client, server], [server, client]] as const) {
    from.on('data', (chunk: Buffer) => to.write(chunk));
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
  }
}).listen(port ?? 0, '127.0.0.1');
