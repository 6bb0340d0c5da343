import { writeFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { certificateAuthority } from '../../kit/certificates.ts';
import { tempFolder } from '../../kit/temp.ts';

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> => ({
  path: `/soak.Echo/${name}`, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const Echo = { unary: method('Unary', false, false), upload: method('Upload', true, false), download: method('Download', false, true), chat: method('Chat', true, true) } satisfies grpc.ServiceDefinition;

/** A stub of the service. Unary: `fail` fails, `never` is not answered; Download sends as many messages as its text says. */
export interface EchoClient {
  unary(message: Buffer, metadata: grpc.Metadata, options: grpc.CallOptions, done: (error: grpc.ServiceError | null, answer?: Buffer) => void): grpc.ClientUnaryCall;
  upload(metadata: grpc.Metadata, done: (error: grpc.ServiceError | null, answer?: Buffer) => void): grpc.ClientWritableStream<Buffer>;
  download(message: Buffer, metadata: grpc.Metadata): grpc.ClientReadableStream<Buffer>;
  chat(metadata: grpc.Metadata): grpc.ClientDuplexStream<Buffer, Buffer>;
  close(): void;
}
const Stub = grpc.makeGenericClientConstructor(Echo, 'Echo');

/** One with connections of its own, as every process has. */
export const echoClient = (address: string, ca: string): EchoClient =>
  new Stub(address, grpc.credentials.createSsl(Buffer.from(ca)), { 'grpc.use_local_subchannel_pool': 1 }) as unknown as EchoClient;

const MESSAGE = Buffer.alloc(10_000, 'd');

/** A server of gRPC whose calls say back what they were told. */
export const startEchoServer = async (): Promise<{ readonly port: number; readonly ca: string; stop(): void }> => {
  const authority = await certificateAuthority();
  const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1']);
  const folder = tempFolder('grpc-echo');
  const ca = folder.file('ca.pem');
  writeFileSync(ca, authority.certPem);
  const server = new grpc.Server();
  server.addService(Echo, {
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      const text = call.request.toString();
      if (text === 'fail') done({ code: grpc.status.FAILED_PRECONDITION, details: 'as asked' });
      else if (text !== 'never') done(null, call.request);
    },
    upload: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      let size = 0;
      call.on('data', (message: Buffer) => (size += message.length));
      call.on('end', () => done(null, Buffer.from(String(size))));
    },
    download: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      for (let left = Number(call.request.toString()); left > 0; left--) call.write(MESSAGE);
      call.end();
    },
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
      call.on('error', () => {});
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) }]), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    port, ca,
    stop() {
      server.forceShutdown();
      folder.remove();
    },
  };
};
