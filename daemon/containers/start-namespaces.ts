import type { SpecInput } from '../spec/contract.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { runningDonor } from './start-network.ts';

/** The namespaces of a run; those of another container are found by its process. */
export function startNamespaces(room: Pick<Room, 'table'>, container: LiveContainer, netns: string): SpecInput['namespaces'] {
  const { PidMode, IpcMode, UTSMode, CgroupnsMode } = container.record.hostConfig;
  const pidDonor = runningDonor(room, PidMode, 'PID');
  const ipcDonor = runningDonor(room, IpcMode, 'IPC');
  const pathOf = (donor: LiveContainer, kind: string) => ({ path: `/proc/${donor.record.state.Pid}/ns/${kind}` });
  return {
    network: netns,
    pid: pidDonor ? pathOf(pidDonor, 'pid') : PidMode === 'host' ? 'host' : 'private',
    ipc: ipcDonor ? pathOf(ipcDonor, 'ipc') : IpcMode === 'host' || IpcMode === 'none' ? IpcMode : 'private',
    uts: UTSMode === 'host' ? 'host' : 'private',
    cgroup: CgroupnsMode === 'private' ? 'private' : 'host',
  };
}
