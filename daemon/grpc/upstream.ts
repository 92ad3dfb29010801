import type { Client } from '@grpc/grpc-js';
import type { Supervisor } from '../ctrd/contract.ts';

/** The connection on which clients' calls reach containerd: apart from the daemon's own, so that their bulk does not hold up the daemon. */
export interface Upstream {
  /** Waits for containerd's first start; afterwards a containerd that is down makes calls fail as it would without us. */
  client(): Promise<Client>;
  close(): void;
}

/** Connects with the first call, and anew after containerd was restarted. */
export function createUpstream(supervisor: Supervisor): Upstream {
  let connection: Client | undefined;
  let opening: Promise<Client> | undefined;
  const close = () => {
    connection?.close();
    connection = undefined;
    opening = undefined;
  };
  const unsubscribe = supervisor.onReconnect(close);
  async function open(): Promise<Client> {
    const [grpc] = await Promise.all([import('@grpc/grpc-js'), supervisor.ready()]);
    connection = new grpc.Client(`unix:${supervisor.socket}`, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
    return connection;
  }
  return {
    async client() {
      opening ??= open();
      try {
        return await opening;
      } catch (error) {
        opening = undefined; // the next call tries again
        throw error;
      }
    },
    close() {
      unsubscribe();
      close();
    },
  };
}
