import type { DaemonConfig } from '../../config/contract.ts';
import type { Containers } from '../../containers/contract.ts';
import type { Ctrd } from '../../ctrd/contract.ts';
import type { EventBus } from '../../events/contract.ts';
import type { Hooks } from '../../hooks/contract.ts';
import type { ImageService } from '../../images/contract.ts';
import type { StdioService } from '../../stdio/contract.ts';
import type { AuthConfig } from '../../types/docker/image.ts';
import type { VolumeService } from '../../volumes/contract.ts';
import type { HostInfo } from './host.ts';
import type { Tools } from './tools.ts';

/** What the system endpoints look into. A room that was disabled is undefined and counts as empty. */
export interface SystemBackend {
  readonly config: DaemonConfig;
  readonly host: HostInfo;
  readonly tools: Tools;
  /** Stable over restarts: kept in the store. */
  readonly daemonId: string;
  readonly events: EventBus;
  readonly hooks: Hooks;
  readonly ctrd?: Ctrd;
  readonly containers?: Pick<Containers, 'table' | 'lifecycle'>;
  readonly images?: Pick<ImageService, 'layersSize' | 'list' | 'summaries'>;
  readonly volumes?: VolumeService;
  readonly stdio?: Pick<StdioService, 'logDrivers'>;
  /** Names of volume drivers beside local. */
  readonly volumeDrivers: readonly string[];
  /** Names of network drivers, as Docker's client shows them: `none` is `null`. */
  readonly networkDrivers: readonly string[];
  /** Checks credentials with a registry; of the images room. */
  login?(auth: AuthConfig): Promise<{ Status: string; IdentityToken: string }>;
  /** How many readers `GET /events` has. */
  eventReaders: number;
}
