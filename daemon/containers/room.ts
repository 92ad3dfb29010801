import type { DaemonConfig } from '../config/contract.ts';
import type { Ctrd } from '../ctrd/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import type { ImageService } from '../images/contract.ts';
import type { Logger } from '../lib/log.ts';
import type { NetworkService } from '../networks/contract.ts';
import type { HostFacts } from '../spec/contract.ts';
import type { OciSpec } from '../spec/oci.ts';
import type { StdioService } from '../stdio/contract.ts';
import type { Store } from '../store/contract.ts';
import type { VolumeService } from '../volumes/contract.ts';
import type { ContainerProcesses } from './contract.ts';
import type { LiveContainer } from './live.ts';
import type { Table } from './table.ts';

/** What the daemon's configuration tells this room; DaemonConfig fits. */
export type ContainersConfig = Pick<
  DaemonConfig,
  | 'logDriver'
  | 'logOpts'
  | 'defaultRuntime'
  | 'runtimes'
  | 'cgroupParent'
  | 'dns'
  | 'dnsSearch'
  | 'dnsOptions'
  | 'defaultShmSizeBytes'
  | 'initPath'
  | 'shutdownTimeoutSeconds'
>;

/** User-defined OCI hooks for a container that is about to start; of the ocihooks room. */
export interface OciHookSource {
  hooksFor(container: LiveContainer): Promise<OciSpec['hooks'] | undefined>;
}

/** What the room is built from. */
export interface ContainerDeps {
  /** Folder with one folder a container. */
  readonly root: string;
  /** Folder for fifos and the barrier; does not survive a reboot. */
  readonly state: string;
  readonly store: Store;
  readonly ctrd: Ctrd;
  readonly images: ImageService;
  readonly volumes: VolumeService;
  readonly networks: NetworkService;
  readonly stdio: StdioService;
  readonly hooks: HookCaller;
  readonly events: EventBus;
  readonly config: ContainersConfig;
  readonly log: Logger;
  readonly host: HostFacts;
  readonly ociHooks?: OciHookSource;
}

/** What every verb of the room gets. */
export interface Room extends ContainerDeps {
  readonly table: Table;
  /** Given by boot once the processes room stands; healthchecks need it. */
  processes: Pick<ContainerProcesses, 'execRun'> | undefined;
  /** True from the moment the daemon stops: no restarts by policy any more. */
  closing: boolean;
}
