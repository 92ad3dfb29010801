import type { Ctrd } from '../ctrd/contract.ts';
import { unavailable } from '../errors/error.ts';

/**
 * Stands in for containerd in the builder's warm start: lists are empty, everything else fails as unavailable, nothing is started or dialled. grpc-js stays out of the code
 * cache: only the gRPC endpoint and CRI need it, and what is in the cache is read at every start.
 */
export async function createWarmCtrd(): Promise<Ctrd> {
  const service = new Proxy({}, { get: (_target, method) => (method === 'list' || method === 'plugins' ? emptyList : refuse) });
  const client = new Proxy({ namespace: 'warm', disconnect() {} } as Record<string | symbol, unknown>, {
    get: (own, name) => (name in own ? own[name] : name === 'then' ? undefined : service),
  });
  return {
    client: client as unknown as Ctrd['client'], // a start calls nothing but lists
    events: {
      listen: () => () => undefined,
      onResync: () => () => undefined,
      ready: async () => undefined,
      close: async () => undefined,
    },
    supervisor: {
      socket: '',
      pid: undefined,
      ready: async () => undefined,
      onReconnect: () => () => undefined,
      stop: async () => undefined,
    },
  };
}

/** Answers of containerd's lists have their rows under different names: all of them are empty here, and the streaming ones end at once. */
function emptyList(): unknown {
  const empty = { images: [], containers: [], tasks: [], leases: [], namespaces: [], info: [], plugins: [] };
  return Object.assign(Promise.resolve(empty), {
    async *[Symbol.asyncIterator]() {
      // nothing
    },
  });
}

function refuse(): never {
  throw unavailable('containerd is not there in a warm start');
}
