/** The daemons that are measured side by side: each in a network namespace of its own, with its own root, state and socket. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';

/** One daemon under measurement. `start` resolves at the first answered ping. */
export interface Peer {
  readonly name: string;
  readonly socket: string;
  readonly versionCommand: string[];
  start(): Promise<{ pingMs: number }>;
  stop(): Promise<void>;
  /** For one that hangs. */
  kill(): Promise<void>;
  /** Resident memory of the daemon process alone, in bytes. */
  rssBytes(): number;
  remove(): void;
}

/** pouchd as built, or from source with `POUCHD_BIN` unset and no build. */
export function pouchdPeer(binary: string): Peer {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-pouchd-'));
  const socket = path.join(dir, 'd.sock');
  return peer({
    name: 'pouchd',
    dir,
    socket,
    versionCommand: [binary, '--version'],
    command: [binary, '--root', path.join(dir, 'root'), '--state', path.join(dir, 'state'), '-H', `unix://${socket}`],
  });
}

/** dockerd from Debian with a containerd of its own. */
export function dockerdPeer(): Peer {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-dockerd-'));
  const socket = path.join(dir, 'd.sock');
  const command = ['dockerd', '--data-root', path.join(dir, 'root'), '--exec-root', path.join(dir, 'state')];
  return peer({
    name: 'dockerd',
    dir,
    socket,
    versionCommand: ['dockerd', '--version'],
    command: [...command, '--pidfile', path.join(dir, 'pid'), '-H', `unix://${socket}`],
  });
}

function peer(options: { name: string; dir: string; socket: string; versionCommand: string[]; command: string[] }): Peer {
  const netns = `bench-${options.name}-${process.pid}`;
  execFileSync('ip', ['netns', 'add', netns]);
  execFileSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
  let child: ChildProcess | undefined;
  const log = fs.openSync(path.join(options.dir, 'log'), 'a');
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child?.once('exit', resolve));
    child.kill(signal);
    await exited;
  };
  return {
    name: options.name,
    socket: options.socket,
    versionCommand: options.versionCommand,
    async start() {
      const started = performance.now();
      // nsenter, not `ip netns exec`: that one mounts /sys anew, without the cgroups that dockerd needs.
      child = spawn('nsenter', [`--net=/run/netns/${netns}`, ...options.command], { stdio: ['ignore', log, log] });
      for (;;) {
        if (child.exitCode !== null)
          throw new Error(`${options.name} did not start: see ${options.dir}/log\n${tail(options.dir)}`);
        if (fs.existsSync(options.socket) && (await answers(options.socket))) return { pingMs: performance.now() - started };
        if (performance.now() - started > 60_000) throw new Error(`${options.name} does not answer\n${tail(options.dir)}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    rssBytes() {
      const status = fs.readFileSync(`/proc/${child?.pid}/status`, 'utf8'); // nsenter execs, so the pid is the daemon's
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
    },
    remove() {
      fs.closeSync(log);
      unmountBelow(options.dir);
      execFileSync('ip', ['netns', 'delete', netns]);
      fs.rmSync(options.dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** One ping by hand: a look every 2 ms must not take the processor from the daemon that starts. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath, () => socket.write('GET /_ping HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n'));
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('data', (chunk) => end(chunk.toString('latin1').startsWith('HTTP/1.1 200')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

function tail(dir: string): string {
  return fs.readFileSync(path.join(dir, 'log'), 'utf8').slice(-2000);
}

function unmountBelow(dir: string): void {
  const mounts = fs.readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const below = mounts.map((line) => line.split(' ')[1] ?? '').filter((target) => target.startsWith(`${dir}/`));
  for (const target of below.reverse()) execFileSync('umount', ['-l', target]);
}
