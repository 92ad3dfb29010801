import type { ContainerConfig } from '../types/docker/container.ts';
import type {
  AuthConfig,
  Descriptor,
  ImageConfigBlob,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
} from '../types/docker/image.ts';

/** An image as the daemon holds it in memory. */
export interface Image {
  /** Docker's image id: `sha256:` + digest of the configuration blob. */
  readonly id: string;
  /** The manifest that containerd's records point at. */
  readonly manifest: Descriptor;
  /** Familiar names with tag: `busybox:latest`, `127.0.0.1:5000/a:1`. */
  readonly tags: readonly string[];
  /** Familiar names with digest: `busybox@sha256:…`. */
  readonly repoDigests: readonly string[];
  /** Chain id of the top layer, the parent key for snapshots. Empty for an image without layers. */
  readonly chainId: string;
  readonly config: ImageConfigBlob;
  /** Unpacked size in bytes. */
  readonly size: number;
}

/** How a container's writable root is backed; `mounts` as containerd gives them (type, source, options). */
export interface RootfsMount {
  type: string;
  source: string;
  target: string;
  options: string[];
}

/**
 * The images room: names, content and unpacked layers, all in containerd. Reads are served from memory.
 * Every `ref` may be a name (with or without tag), `name@digest`, a full or abbreviated id with or without `sha256:`.
 */
export interface ImageService {
  /** Throws notFound `No such image: REF`. */
  resolve(ref: string): Image;
  find(ref: string): Image | undefined;
  list(): readonly Image[];

  /** Pulls and unpacks. Progress is Docker's. Runs `image.prePull` before and `image.postPull` after. */
  pull(request: PullRequest, progress: (message: ProgressMessage) => void, signal?: AbortSignal): Promise<Image>;

  /** A writable snapshot named `key` on top of the image (layers are unpacked first when they are not). Keeps it from garbage collection until `removeRootfs`. */
  prepareRootfs(key: string, image: Image, options?: { snapshotter?: string; signal?: AbortSignal }): Promise<void>;
  /** The mounts for Tasks.Create; cheap. notFound when the snapshot is gone. */
  rootfsMounts(key: string, snapshotter?: string): Promise<RootfsMount[]>;
  /** Removes the snapshot; not an error when it is gone. */
  removeRootfs(key: string, snapshotter?: string): Promise<void>;
  /** Bytes and inodes of the writable layer. */
  rootfsUsage(key: string, snapshotter?: string): Promise<{ size: number; inodes: number }>;
  /** All container snapshot keys there are; for the clean-up at start. */
  listRootfs(): Promise<{ key: string; snapshotter: string }[]>;
  /**
   * Runs `work` with the container's root mounted at a private folder (read-write); unmounts and removes the folder afterwards. For cp, export and
   * copy-up on containers that do not run.
   */
  withRootfs<T>(key: string, snapshotter: string | undefined, work: (root: string) => Promise<T>): Promise<T>;
  /** Makes a new image from a container's writable layer; names it when `ref` is given. */
  commit(request: CommitRequest): Promise<Image>;
  readonly defaultSnapshotter: string;

  inspect(ref: string): Promise<ImageInspect>;
  summaries(options: { all?: boolean; filters?: Record<string, string[]>; sharedSize?: boolean }): Promise<ImageSummary[]>;

  /** As `docker rmi`: untags, or removes the image; conflicts have Docker's texts. */
  remove(
    ref: string,
    options?: { force?: boolean; pruneParents?: boolean },
  ): Promise<({ Untagged: string } | { Deleted: string })[]>;
  /** Gives an image one more name. */
  tag(ref: string, target: { repo: string; tag?: string }): Promise<void>;
  /** Unpacked bytes of all layers, each counted once: `LayersSize` of `system df`. */
  layersSize(): Promise<number>;
  /** Checks credentials with their registry, for `POST /auth`. Throws unauthenticated with the registry's words. */
  login(auth: AuthConfig, signal?: AbortSignal): Promise<{ Status: string; IdentityToken: string }>;

  /** The containers room tells who uses what; asked by remove, prune and list filters. */
  setUsers(users: (imageId: string) => ImageUser[]): void;
}

export interface ImageUser {
  containerId: string;
  running: boolean;
}

export interface PullRequest {
  /** Name with tag or digest as the client gave it; no tag means `latest`. */
  ref: string;
  allTags?: boolean;
  platform?: string;
  auth?: AuthConfig;
  snapshotter?: string;
}

export interface CommitRequest {
  key: string;
  snapshotter?: string;
  parent: Image;
  ref?: string;
  author?: string;
  comment?: string;
  config: ContainerConfig;
  /** What the container itself was configured with; told by inspect only. */
  containerConfig?: ContainerConfig;
  /** What `history` tells: the container's command line. */
  createdBy: string;
  containerId: string;
  signal?: AbortSignal;
}
