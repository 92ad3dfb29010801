import type { AuthConfig, ProgressMessage } from '../../types/docker/image.ts';

/** What `POST /build` asks for. */
export interface BuildRequest {
  /** The context as a tar, packed or plain; unused when `remote` is given. */
  readonly context: AsyncIterable<Uint8Array>;
  /** URL of a Dockerfile or of a tar. */
  readonly remote?: string;
  /** Path of the Dockerfile within the context. */
  readonly dockerfile: string;
  /** Names for the result. */
  readonly tags: readonly string[];
  readonly quiet: boolean;
  readonly noCache: boolean;
  /** Asks the registries for newer base images. */
  readonly pull: boolean;
  /** `null` takes the value of the daemon's environment: none here. */
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly platform?: string;
  readonly networkMode?: string;
  readonly squash: boolean;
  readonly extraHosts: readonly string[];
  /** Bytes; 0 is the default. */
  readonly shmBytes: number;
  /** Limits of RUN steps: `memory`, `memswap` in bytes, `cpushares`, `cpuperiod`, `cpuquota`, `cpusetcpus`. */
  readonly limits: Readonly<Record<string, string>>;
  /** `nofile=100:200`. */
  readonly ulimits: readonly string[];
  /** Credentials by registry. */
  readonly auths: Readonly<Record<string, AuthConfig>>;
  readonly signal?: AbortSignal;
}

/** Builds images of Dockerfiles by a real builder. */
export interface Builder {
  /** Builds, loads the result, names it. What fails before the first step throws; a failing step throws with Docker's text and exit code. */
  build(request: BuildRequest, progress: (message: ProgressMessage) => void): Promise<void>;
  /** Removes the builder's cache. */
  prune(): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }>;
}
