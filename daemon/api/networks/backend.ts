import type { ContainerLifecycle } from '../../containers/contract.ts';
import type { NetworkService } from '../../networks/contract.ts';

/** What the network routes need: networks themselves, and the containers room for what changes a container. */
export interface NetworksBackend {
  networks: Pick<NetworkService, 'create' | 'list' | 'inspect' | 'remove' | 'prune'>;
  containers: Pick<ContainerLifecycle, 'networkConnect' | 'networkDisconnect'>;
}
