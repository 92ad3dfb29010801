/*
 * Healthchecks: one loop a running container. It waits the interval (the start interval during the start period), runs the test through exec, and counts. Health is saved with the record;
 * an event is published when the status changes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors/error.ts';
import { nowText } from '../lib/time.ts';
import type { HealthConfig, HealthLogEntry, HealthState } from '../types/docker/container.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { hasHealthcheck } from './state.ts';

const second = 1_000_000_000;
const defaults = { interval: 30 * second, timeout: 30 * second, startInterval: 5 * second, retries: 3 };
const maxLog = 5;
const maxOutputBytes = 4096;

const ms = (nanos: number) => Math.max(1, Math.round(nanos / 1e6));

/** Starts the loop of a container that has a check and runs; a loop that runs already is ended. */
export function startHealth(room: Room, container: LiveContainer): void {
  container.run.health?.stop();
  container.run.health = undefined;
  const check = container.record.config.Healthcheck;
  if (!check || !hasHealthcheck(check)) return;
  const ending = new AbortController();
  container.run.health = { stop: () => ending.abort() };
  void loop(room, container, { check, signal: ending.signal }).catch((error: unknown) => {
    if (!ending.signal.aborted) room.log.error('healthcheck loop ended', { id: container.record.id, error: messageOf(error) });
  });
}

async function loop(
  room: Room,
  container: LiveContainer,
  { check, signal }: { check: HealthConfig; signal: AbortSignal },
): Promise<void> {
  const startedAt = performance.now();
  const isStarting = () =>
    performance.now() - startedAt < (check.StartPeriod ?? 0) / 1e6 && container.record.state.Health?.Status === 'starting';
  for (;;) {
    const wait = isStarting() && check.StartInterval ? check.StartInterval : check.Interval || defaults.interval;
    await sleep(ms(wait), undefined, { signal });
    const entry = await probe(room, container, check);
    if (signal.aborted) return;
    apply(room, container, { check, entry, inStartPeriod: isStarting() });
  }
}

async function probe(room: Room, container: LiveContainer, check: HealthConfig): Promise<HealthLogEntry> {
  const Start = nowText();
  const timeoutNanos = check.Timeout || defaults.timeout;
  try {
    if (!room.processes) throw new Error('exec is not available');
    const { exitCode, output, timedOut } = await room.processes.execRun(
      container,
      { Cmd: commandOf(container, check), AttachStdout: true, AttachStderr: true },
      { timeoutMs: ms(timeoutNanos), maxBytes: maxOutputBytes },
    );
    if (timedOut)
      return {
        Start,
        End: nowText(),
        ExitCode: -1,
        Output: `Health check exceeded timeout (${timeoutNanos / second}s): ${output}`,
      };
    return { Start, End: nowText(), ExitCode: exitCode, Output: output };
  } catch (error) {
    return { Start, End: nowText(), ExitCode: -1, Output: messageOf(error) };
  }
}

function commandOf(container: LiveContainer, check: HealthConfig): string[] {
  const [kind, ...rest] = check.Test ?? [];
  if (kind === 'CMD') return rest;
  const shell = container.record.config.Shell?.length ? container.record.config.Shell : ['/bin/sh', '-c'];
  return [...shell, rest.join(' ')];
}

/** What one result makes of a container's health; a failure in the start period does not count. */
export function nextHealth(
  health: HealthState,
  result: { entry: HealthLogEntry; retries: number; inStartPeriod: boolean },
): HealthState {
  const Log = [...health.Log, result.entry].slice(-maxLog);
  if (result.entry.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log };
  if (result.inStartPeriod && health.Status === 'starting') return { ...health, Log };
  const FailingStreak = health.FailingStreak + 1;
  return { Status: FailingStreak >= result.retries ? 'unhealthy' : health.Status, FailingStreak, Log };
}

function apply(
  room: Room,
  container: LiveContainer,
  result: { check: HealthConfig; entry: HealthLogEntry; inStartPeriod: boolean },
): void {
  const { state } = container.record;
  if (!state.Running || state.Paused) return;
  const before = state.Health ?? { Status: 'starting', FailingStreak: 0, Log: [] };
  const retries = result.check.Retries || defaults.retries;
  state.Health = nextHealth(before, { entry: result.entry, retries, inStartPeriod: result.inStartPeriod });
  room.table.save(container);
  if (state.Health.Status !== before.Status) room.table.event(container, `health_status: ${state.Health.Status}`);
}
