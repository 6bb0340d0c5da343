import type { HttpConnectionConfig } from '../../../config/resolved.ts';
import type { RequestFacts } from '../../../model/request.ts';
import { AwsChunkReader } from '../../../secrets/upstream/aws-chunk-reader.ts';
import { chunkFormOf } from '../../../secrets/upstream/aws-payload.ts';
import { NotSignable } from '../../../secrets/upstream/not-signable.ts';

type Headers = RequestFacts['headers'];

/** The coding that S3 has for itself, which it takes off before it keeps a body. */
export const AWS_CHUNKED = 'aws-chunked';

/**
 * Whether the body is in the chunks of AWS: S3 goes by this header alone, whatever `Content-Encoding` says. Only where the gateway reads them, and writes them anew: to any other
 * target they are bytes like others.
 */
export const isAwsChunked = (headers: Headers, { credential }: Pick<HttpConnectionConfig, 'credential'>): boolean => credential.type === 'aws' && headers.get('x-amz-content-sha256')?.some((word) => word.startsWith('STREAMING-')) === true;

/** Reads the data out of the chunks, piece by piece. Each answers undefined once the body is not in the form that its head announces. Signatures are not checked here. */
export const chunkReader = (headers: Headers): { readonly read: (piece: Buffer) => readonly Buffer[] | undefined; readonly ended: () => boolean } => {
  let reader: AwsChunkReader | undefined;
  const during = <Result>(work: (reader: AwsChunkReader) => Result): Result | undefined => {
    try {
      return reader && work(reader);
    } catch (error) {
      if (!(error instanceof NotSignable)) throw error;
      return (reader = undefined);
    }
  };
  try {
    const form = chunkFormOf([...headers].flatMap(([name, values]) => values.map((value): [string, string] => [name, value])));
    reader = form && new AwsChunkReader(form);
  } catch (error) {
    if (!(error instanceof NotSignable)) throw error;
  }
  return { read: (piece) => during((one) => one.read(piece)), ended: () => during((one) => one.end()) !== undefined };
};

/** The data of a whole body in the chunks of AWS, without what differs at each try: signatures, and where it is cut. Undefined: it is not in the form that its head announces. */
export const unchunked = (whole: Buffer, headers: Headers): Buffer | undefined => {
  const { read, ended } = chunkReader(headers);
  const data = read(whole);
  return data && ended() ? Buffer.concat(data) : undefined;
};
