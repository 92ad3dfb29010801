import { zeroTime } from '../lib/time.ts';
import type { ContainerState, HealthConfig } from '../types/docker/container.ts';

/** The state of a container that was never started. */
export function createdState(): ContainerState {
  return {
    Status: 'created',
    Running: false,
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: 0,
    ExitCode: 0,
    Error: '',
    StartedAt: zeroTime,
    FinishedAt: zeroTime,
  };
}

/** True when the healthcheck runs a command. */
export function hasHealthcheck(check: HealthConfig | undefined): boolean {
  return check?.Test !== undefined && check.Test.length > 0 && check.Test[0] !== 'NONE' && check.Test[0] !== '';
}

/** Sets what a start changes. */
export function setRunning(state: ContainerState, { pid, startedAt }: { pid: number; startedAt: string }): void {
  Object.assign(state, {
    Status: 'running',
    Running: true,
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: pid,
    ExitCode: 0,
    Error: '',
    StartedAt: startedAt,
  } satisfies Partial<ContainerState>);
}

/** Sets what an exit changes. Docker shows a container that will be started again as running and restarting. */
export function setExited(
  state: ContainerState,
  exit: { exitCode: number; at: string; oomKilled: boolean; restarting: boolean },
): void {
  Object.assign(state, {
    Status: exit.restarting ? 'restarting' : 'exited',
    Running: exit.restarting,
    Paused: false,
    Restarting: exit.restarting,
    OOMKilled: exit.oomKilled,
    Pid: 0,
    ExitCode: exit.exitCode,
    FinishedAt: exit.at,
  } satisfies Partial<ContainerState>);
  if (state.Health) state.Health.Status = 'unhealthy'; // Docker: a check that does not run is not healthy
}
