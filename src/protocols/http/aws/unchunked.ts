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

/**
 * The data of a whole body in the chunks of AWS, without what differs at each try: signatures, and where it is cut. Undefined: it is not in the form that its head
 * announces. Signatures are not checked here.
 */
export const unchunked = (whole: Buffer, headers: Headers): Buffer | undefined => {
  try {
    const form = chunkFormOf([...headers].flatMap(([name, values]) => values.map((value): [string, string] => [name, value])));
    if (form === undefined) return undefined;
    const reader = new AwsChunkReader(form);
    const data = reader.read(whole);
    reader.end();
    return Buffer.concat(data);
  } catch (error) {
    if (error instanceof NotSignable) return undefined;
    throw error;
  }
};
