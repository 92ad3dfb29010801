import type { Readable, Writable } from 'node:stream';

/** Where a log line or a chunk came from. */
export type StreamName = 'stdout' | 'stderr';

export interface LogEntry {
  stream: StreamName;
  /** Nanoseconds since the epoch. */
  timeNano: bigint;
  /** The line with its newline, when it had one. */
  line: Buffer;
  attrs?: Record<string, string>;
}

export interface LogReadOptions {
  stdout: boolean;
  stderr: boolean;
  sinceNano?: bigint;
  untilNano?: bigint;
  /** Number of last lines; undefined is all. */
  tail?: number;
  follow: boolean;
  signal?: AbortSignal;
}

/** One container's log driver. `read` throws notImplemented `configured logging driver does not support reading` where it cannot. */
export interface ContainerLog {
  write(entry: LogEntry): void;
  /**
   * The same for a block of lines that came together, where the driver has a faster way: each line a nanosecond after the one before. `block` is not to be kept after the
   * call. Returns how many lines there were.
   */
  writeBlock?(block: Buffer, first: Pick<LogEntry, 'stream' | 'timeNano'>): number;
  /** Entries in order, in batches as they come off the disk. Nothing is opened before the first `next`. */
  read(options: LogReadOptions): AsyncIterable<LogEntry[]>;
  /** Path of the file that inspect shows, or ''. */
  readonly path: string;
  /** Flushed; followers end. A later `write` opens it again (restart). */
  flush(): Promise<void>;
  close(): Promise<void>;
  remove(): Promise<void>;
  /** A driver that is behind (a slow syslog server) gives a promise here; the process's output is not read until it resolves. */
  pressure?(): Promise<void> | undefined;
}

export interface ProcessIoOptions {
  /** Folder for the fifos; made when missing. */
  dir: string;
  /** `container id` or `exec id`: the fifos' file name prefix. */
  id: string;
  tty: boolean;
  stdin: boolean;
  /** Close stdin when the first attached client half-closes. */
  stdinOnce: boolean;
  log?: ContainerLog;
  /**
   * Called once, when the process's stdin is to end and all input has been written to the fifo, never before `started()`. The owner answers with Tasks.CloseIO
   * ({ stdin: true }): the shim holds a write end of its own, so without that call the process sees no end. notFound of CloseIO is no error (the process is gone).
   */
  onStdinEnd?: () => void;
}

/** A client's side of an attach; `input` is undefined when no stdin is wanted. */
export interface AttachRequest {
  stdout: boolean;
  stderr: boolean;
  input?: Readable;
  /** Raw for a tty, else Docker's 8-byte frames. Back-pressure: the source pauses when this is full. */
  output: Writable;
  multiplexed: boolean;
  /** Bytes that cut this client off; undefined is ctrl-p ctrl-q for a tty, nothing otherwise. */
  detachKeys?: Buffer;
  /** Awaited before the first live byte, while the process's output is held: the place to send the log (`logs=1`) without a gap or a repeat. */
  before?: () => Promise<void>;
  signal?: AbortSignal;
}

/** The standard streams of one process (a container's or an exec's), from before Tasks.Create until it has ended and all output is drained. */
export interface ProcessIo {
  /** For Tasks.Create / Tasks.Exec; '' where there is none. */
  readonly paths: { stdin: string; stdout: string; stderr: string; terminal: boolean };
  /**
   * Resolves when the process's output is drained, or the client left ('detached' after the keys, 'closed' when it hung up). May be called before the process starts:
   * nothing written later is missed.
   */
  attach(request: AttachRequest): Promise<'ended' | 'detached' | 'closed'>;
  /** The owner says that the process runs (after Tasks.Start): from now on the end of stdin is passed on. Input sent earlier waits in the fifo. */
  started(): void;
  /** Called after the exit event: waits until both fifos are at their end (bounded: `timeoutMs` without a byte, default 2 s), flushes the log, ends attached clients. What a slow client has not taken yet is in its `output`. */
  drained(timeoutMs?: number): Promise<void>;
  /** Removes fifos and fds without waiting. */
  close(): Promise<void>;
}

/** The room's door: fifos come from a pool made in batches, so `openProcess` spawns nothing in the common case. */
export interface StdioService {
  openProcess(options: ProcessIoOptions): Promise<ProcessIo>;
  /** `ctrl-p,ctrl-q` as bytes; undefined for undefined or ''. Throws invalidArgument `Invalid detach keys (KEYS) provided`. */
  parseDetachKeys(keys: string | undefined): Buffer | undefined;
  /** After a daemon restart: takes the fifos of a process that still runs (the daemon opens them again). */
  reopenProcess(options: ProcessIoOptions): Promise<ProcessIo>;
  openLog(request: LogRequest): Promise<ContainerLog>;
  /** Throws invalidArgument with Docker's text for an unknown driver or option. */
  validateLogConfig(type: string, config: Record<string, string>): void;
  readonly logDrivers: readonly string[];
}

export interface LogRequest {
  type: string;
  config: Record<string, string>;
  containerId: string;
  containerName: string;
  imageId: string;
  imageName: string;
  labels: Record<string, string>;
  env: string[];
  createdAt: string;
  /** The container's own folder under the daemon's root. */
  dir: string;
}
