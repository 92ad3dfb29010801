import type { Kind } from './error.ts';

/** HTTP status and gRPC code of each kind. No status code stands anywhere else in the product. */
export const wire = {
  invalidArgument: { http: 400, grpc: 3 },
  unauthenticated: { http: 401, grpc: 16 },
  forbidden: { http: 403, grpc: 7 },
  notFound: { http: 404, grpc: 5 },
  conflict: { http: 409, grpc: 9 },
  alreadyExists: { http: 409, grpc: 6 },
  notModified: { http: 304, grpc: 0 },
  tooLarge: { http: 413, grpc: 8 },
  notImplemented: { http: 501, grpc: 12 },
  unavailable: { http: 503, grpc: 14 },
  cancelled: { http: 500, grpc: 1 },
  deadlineExceeded: { http: 500, grpc: 4 },
  internal: { http: 500, grpc: 13 },
} as const satisfies Record<Kind, { http: number; grpc: number }>;

/** The kind for a gRPC status code of containerd; codes without a kind of ours are `internal`. */
export function kindOfGrpc(code: number): Kind {
  switch (code) {
    case 1:
      return 'cancelled';
    case 3:
    case 11:
      return 'invalidArgument';
    case 4:
      return 'deadlineExceeded';
    case 5:
      return 'notFound';
    case 6:
      return 'alreadyExists';
    case 7:
      return 'forbidden';
    case 8:
    case 9:
    case 10:
      return 'conflict';
    case 12:
      return 'notImplemented';
    case 14:
      return 'unavailable';
    case 16:
      return 'unauthenticated';
    default:
      return 'internal';
  }
}
