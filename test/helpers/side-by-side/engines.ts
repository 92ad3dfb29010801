/*
 * A dockerd and a pouchd, each in a network namespace of its own with a registry at 127.0.0.1:5000, so that both may have the same addresses and ports. Call it after `inOwnNamespaces`, which ends
 * what is left when the test ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { poll } from '../../../daemon/lib/deadline.ts';
import { unmountBelow } from '../../../daemon/lib/mount.ts';
import { run } from '../../../daemon/lib/process.ts';
import { startDaemon } from '../daemon.ts';
import { type BusyboxOptions, busyboxArchive } from '../image.ts';
import { exchange } from './exchange.ts';

/** Both engines, with the images busybox:latest and rich:v1. */
export interface Engines extends AsyncDisposable {
  readonly ours: string;
  readonly theirs: string;
  /** A Docker CLI call; never throws for an exit code. */
  docker(socket: string, args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
}

const bin = process.env['POUCHD_BIN'] ?? path.resolve(import.meta.dirname, '../../../build/dist/pouchd');

/** Starts both and loads the images. */
export async function startEngines(): Promise<Engines> {
  const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-same-'));
  const children: ChildProcess[] = [];
  const theirs = path.join(dir, 'docker.sock');
  const flags = ['-H', `unix://${theirs}`, '--data-root', `${dir}/root`, '--exec-root', `${dir}/exec`, '--pidfile', `${dir}/pid`];
  children.push(spawn('dockerd', flags, { stdio: 'ignore' }), registry(path.join(dir, 'theirs')));
  const daemon = await startDaemon({ bin });
  children.push(registry(path.join(dir, 'ours'), ['nsenter', `--net=/run/netns/${daemon.netns}`]));
  mkdirSync(path.join(dir, 'config'));
  const env = { ...process.env, DOCKER_CONFIG: path.join(dir, 'config'), DOCKER_CLI_HINTS: 'false', DOCKER_API_VERSION: '1.41' };
  const docker: Engines['docker'] = (socket, args) =>
    run('docker', args, { env: { ...env, DOCKER_HOST: `unix://${socket}` }, timeoutMs: 60_000, allowFailure: true });
  await poll(
    'dockerd answers',
    async () => (await exchange(theirs, { method: 'GET', path: '/_ping' }).catch(() => undefined))?.status === 200,
    {
      timeoutMs: 60_000,
      intervalMs: 100,
    },
  );
  for (const socket of [daemon.socket, theirs]) {
    const body = { username: 'a', password: 'b', serveraddress: 'http://127.0.0.1:5000' };
    await poll(
      'the registry answers',
      async () => (await exchange(socket, { method: 'POST', path: '/auth', body })).status === 200,
      {
        timeoutMs: 30_000,
        intervalMs: 100,
      },
    );
  }
  for (const [name, options] of Object.entries(images)) {
    const file = path.join(dir, 'image.tar');
    await busyboxArchive(file, { name, ...options });
    await Promise.all([daemon.socket, theirs].map((socket) => docker(socket, ['load', '-q', '-i', file])));
  }
  return {
    ours: daemon.socket,
    theirs,
    docker,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await Promise.all(children.map(ended));
      await unmountBelow(dir);
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** Ends a program and waits for it; dockerd stops its containers first. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

const images: Record<string, BusyboxOptions> = {
  'busybox:latest': {},
  'rich:v1': {
    config: {
      Labels: { a: 'b' },
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/data': {} },
      WorkingDir: '/home',
      User: 'nobody',
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['id'],
      StopSignal: 'SIGINT',
      Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000 },
    },
    layers: [{ '/data/x': 'hi' }, { '/etc/motd': 'm' }],
  },
};

function registry(dir: string, prefix: string[] = []): ChildProcess {
  mkdirSync(dir, { recursive: true });
  const config = path.join(dir, 'config.yml');
  const storage = `storage: {filesystem: {rootdirectory: ${dir}/data}}`;
  writeFileSync(config, `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: '127.0.0.1:5000'}\n`);
  const [command = '', ...args] = [...prefix, 'docker-registry', 'serve', config];
  return spawn(command, args, { stdio: 'ignore' });
}
