import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { certificateAuthority } from './certificates.ts';
import { freePort, releasePort } from './ports.ts';
import { requireProgram } from './present.ts';
import { startService } from './run.ts';
import { tempFolder } from './temp.ts';
import { Fatal, until } from './until.ts';

export interface NginxOptions {
  /** Inside of `server`. Default: serves the files, and takes uploads below /upload/. */
  readonly server?: string;
  /** Serves TLS, with a certificate of localhost. */
  readonly tls?: boolean;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** An nginx of our own. */
export interface Nginx {
  readonly port: number;
  readonly pid: number;
  /** The CA of its certificate. */
  readonly caFile: string | undefined;
  /** Path of one of its files. */
  file(name: string): string;
  /** Lines of its access log. */
  log(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startNginx({ server, tls = false, files = {} }: NginxOptions = {}): Promise<Nginx> {
  const folder = tempFolder('nginx');
  const port = await freePort();
  mkdirSync(folder.file('www', 'upload'), { recursive: true });
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(folder.file(name));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(folder.file('www', name), bytes);
  let certificate = '';
  let caFile: string | undefined;
  if (tls) {
    const authority = await certificateAuthority('nginx test CA');
    const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1']);
    caFile = folder.file('ca.pem');
    writeFileSync(caFile, authority.certPem);
    writeFileSync(folder.file('server.crt'), certPem);
    writeFileSync(folder.file('server.key'), keyPem, { mode: 0o600 });
    certificate = `ssl_certificate ${folder.file('server.crt')}; ssl_certificate_key ${folder.file('server.key')};`;
  }
  const temp = ['client_body_temp_path body', 'proxy_temp_path proxy', 'fastcgi_temp_path fastcgi', 'uwsgi_temp_path uwsgi', 'scgi_temp_path scgi'].map((line) => line.replace(/ (\w+)$/, ` ${folder.file('$1')};`)).join(' ');
  writeFileSync(
    folder.file('nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${folder.file('pid')}; error_log stderr notice;
events { worker_connections 512; }
http {
  access_log ${folder.file('access.log')}; types { application/json json; text/plain txt; } default_type application/octet-stream; client_max_body_size 0; ${temp}
  gzip on; gzip_types application/json; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0;
  server { listen 127.0.0.1:${port}${tls ? ' ssl' : ''}; ${certificate} root ${folder.file('www')}; ${server ?? ''} }
}
`,
  );
  const service = await startService(requireProgram('nginx'), ['-p', folder.path, '-c', folder.file('nginx.conf')], { cwd: folder.path, logFile: folder.file('log') });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    service.signal('SIGTERM');
    await service.wait();
    releasePort(port);
    folder.remove();
  };
  try {
    await until(async () => {
      if (service.ended() !== undefined) throw new Fatal(`nginx ended:\n${service.log()}`);
      return answers(port);
    }, 20_000, 'nginx');
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid: service.pid, caFile, file: (name) => folder.file('www', name), log: () => readFileSync(folder.file('access.log'), 'utf8'), stop, [Symbol.asyncDispose]: stop };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
