import type { RequestFacts } from '../model/request.ts';
import { mediaType } from './body.ts';

/** The method of a gRPC call: said by the path, and a call by the content type (gRPC over HTTP/2, and gRPC-Web). Undefined for everything else. */
export const grpcOf = ({ method, segments, headers }: Pick<RequestFacts, 'method' | 'segments' | 'headers'>): RequestFacts['grpc'] => {
  if (method !== 'POST' || segments.length !== 2 || !isGrpc(headers)) return undefined;
  const [service = '', name = ''] = segments;
  return /^[A-Za-z_][A-Za-z0-9_.]{0,255}$/.test(service) && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) ? { service, method: name } : undefined;
};

/** Whether the request says that it is a gRPC call. Servers take any subtype, also one that they do not know, for the usual one. */
export const isGrpc = (headers: RequestFacts['headers']): boolean => /^application\/grpc(?:-web(?:-text)?)?(?:\+.*)?$/.test(mediaType(headers) ?? '');
