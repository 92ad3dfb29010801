/** What is measured of a daemon: each function returns plain numbers, alternating and medians are the caller's. */

import * as fs from 'node:fs';
import { begin, must, request } from './http.ts';

/** The middle value. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Milliseconds of create + start + wait + delete of one container that runs `true`. */
export async function lifecycle(socket: string, network: string): Promise<number> {
  const started = performance.now();
  const id = await create(socket, network, ['true']);
  // as Docker's CLI: the start goes out when the header says that the wait is registered, or the exit may come before it
  const waiting = await begin(socket, 'POST', `/containers/${id}/wait?condition=next-exit`);
  await must(socket, 'POST', `/containers/${id}/start`);
  const result = JSON.parse(await waiting.rest) as { StatusCode: number };
  if (result.StatusCode !== 0) throw new Error(`container ended with ${result.StatusCode}`);
  await must(socket, 'DELETE', `/containers/${id}`);
  return performance.now() - started;
}

/** Wall milliseconds and CPU milliseconds of the whole machine per container for `count` lifecycles at once. */
export async function parallel(socket: string, count: number): Promise<{ wallMs: number; cpuMs: number; failures: number }> {
  const cpu = machineCpuMs();
  const started = performance.now();
  const results = await Promise.allSettled(Array.from({ length: count }, () => lifecycle(socket, 'bridge')));
  const failures = results.filter((result) => result.status === 'rejected').length;
  return { wallMs: performance.now() - started, cpuMs: (machineCpuMs() - cpu) / count, failures };
}

/** Creates a container that is not started; returns its id. */
export async function create(socket: string, network: string, command: string[]): Promise<string> {
  const body = { Image: 'bench', Cmd: command, HostConfig: { NetworkMode: network } };
  return (JSON.parse(await must(socket, 'POST', '/containers/create', body)) as { Id: string }).Id;
}

/** Removes every container there is. */
export async function removeAll(socket: string): Promise<void> {
  const rows = JSON.parse(await must(socket, 'GET', '/containers/json?all=1')) as { Id: string }[];
  for (const row of rows) await request(socket, 'DELETE', `/containers/${row.Id}?force=1`);
}

/** Busy time of all cores since boot, in milliseconds (user, nice, system, irq, softirq). */
export function machineCpuMs(): number {
  const fields = (fs.readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1).map(Number);
  const busy = [0, 1, 2, 5, 6].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
  return busy * 10; // USER_HZ is 100 on Linux
}
