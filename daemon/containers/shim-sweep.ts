/*
 * A daemon that is killed in the middle of Tasks.Create leaves a shim that containerd has forgotten: its call was cancelled, containerd's own clean-up came before the runtime was done. Such a shim
 * holds a created container, its root's mount and its runtime state, and would make the next start of that container fail. They are found by their command line and ended here.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isKind } from '../errors/error.ts';
import { poll } from '../lib/deadline.ts';
import { unmount } from '../lib/mount.ts';
import { run } from '../lib/process.ts';
import type { Room } from './room.ts';

/** A shim process of our containerd. */
interface Shim {
  pid: number;
  id: string;
  /** Its working directory; `… (deleted)` is cut off. */
  bundle: string;
}

/** Where the runtime keeps its state when containerd's shim is not told otherwise. */
const runtimeRoot = '/run/containerd/runc';

/**
 * Ends every shim of our containerd that has no task, and unmounts roots that no shim holds. Safe beside starts: those hold their container's lock. `tasks` are the ids known to be in order,
 * so that a start after an ordinary stop costs one look through /proc.
 */
export async function sweepShims(room: Room, tasks: ReadonlySet<string> = new Set()): Promise<void> {
  const shims = findShims(room);
  for (const shim of shims) {
    if (tasks.has(shim.id) || (await isInUse(room, shim.id))) continue;
    const container = room.table.find(shim.id);
    const end = () => endShim(room, shim, container?.record.runtime ?? room.config.defaultRuntime);
    if (!container) await end();
    else
      await room.table.locked(container, async () => {
        if (!(await isInUse(room, shim.id))) await end();
      });
  }
  await unmountForgotten(room, new Set([...tasks, ...shims.map((shim) => shim.id)]));
}

/** True when containerd knows the task, or the container is one that is being made or runs. */
async function isInUse(room: Room, id: string): Promise<boolean> {
  const container = room.table.find(id);
  if (container ? container.record.state.Pid > 0 : room.table.isOwner(id)) return true;
  try {
    await room.ctrd.client.tasks.get({ containerId: id });
    return true;
  } catch (error) {
    if (isKind(error, 'notFound')) return false;
    throw error;
  }
}

function findShims(room: Room): Shim[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (shimAt(room, Number(name)) ?? []) : []));
}

/** The shim of our containerd that has this pid now, if it is one. */
function shimAt(room: Room, pid: number): Shim | undefined {
  try {
    // The kernel cuts names to 15 bytes; reading a command line takes the process's memory lock, so only shims' are read.
    if (!readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('containerd-shim')) return undefined;
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const value = (flag: string) => args[args.indexOf(flag) + 1] ?? '';
    if (!args.includes('-id')) return undefined;
    if (value('-namespace') !== room.ctrd.client.namespace || value('-address') !== room.ctrd.supervisor.socket) return undefined;
    return { pid, id: value('-id'), bundle: readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '') };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

async function endShim(room: Room, shim: Shim, runtime: string): Promise<void> {
  if (shimAt(room, shim.pid)?.id !== shim.id) return; // it ended by itself, the pid may be another's
  room.log.warn('ending a shim that containerd has forgotten', { id: shim.id, pid: shim.pid });
  const binary = room.config.runtimes[runtime]?.path ?? runtime;
  const root = join(runtimeRoot, room.ctrd.client.namespace);
  for (const pid of [...(await childrenOf(shim.pid)), shim.pid]) killQuietly(pid);
  await poll(`shim ${shim.pid} ends`, async () => !(await isAlive(shim.pid)), { timeoutMs: 5_000 });
  await run(binary, ['--root', root, 'delete', '--force', shim.id], { allowFailure: true, timeoutMs: 10_000 });
  await removeCgroups(room, shim.id);
  if (shim.bundle.endsWith(`/${shim.id}`)) {
    await unmount(join(shim.bundle, 'rootfs'));
    await rm(shim.bundle, { recursive: true, force: true });
  }
}

/** A runtime that was killed before it had written its state leaves them. Folders of v1's controllers, or the one of v2. */
async function removeCgroups(room: Room, id: string): Promise<void> {
  const parent = room.table.find(id)?.record.hostConfig.CgroupParent || room.config.cgroupParent || '/pouchd';
  const controllers = room.host.cgroupVersion === 2 ? [''] : readdirSync('/sys/fs/cgroup');
  for (const controller of controllers) {
    await rmdir(join('/sys/fs/cgroup', controller, parent, id)).catch(() => undefined); // never made, or gone with the container
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const direct = text.split(' ').filter(Boolean).map(Number);
  return [...(await Promise.all(direct.map(childrenOf))).flat(), ...direct];
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Roots in bundles under our own state whose container neither runs nor has a shim. */
async function unmountForgotten(room: Room, withShim: ReadonlySet<string>): Promise<void> {
  const base = `${dirname(room.state)}/`;
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  for (const line of table.split('\n')) {
    const path = line.split(' ')[4] ?? '';
    const id = /\/io\.containerd\.runtime\.v2\.task\/[^/]+\/([0-9a-f]{64})\/rootfs$/.exec(path)?.[1];
    if (!id || !path.startsWith(base) || withShim.has(id) || (await isInUse(room, id))) continue;
    room.log.warn('unmounting a root that nobody holds', { id });
    await unmount(path);
  }
}
