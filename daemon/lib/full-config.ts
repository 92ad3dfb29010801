import type { ContainerConfig } from '../types/docker/container.ts';

/** What Go's JSON of a container configuration has where nothing was said. */
const zero = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

const leftOutWhenEmpty = [
  'ExposedPorts',
  'ArgsEscaped',
  'Healthcheck',
  'NetworkDisabled',
  'MacAddress',
  'StopSignal',
  'StopTimeout',
  'Shell',
] as const;

/** A configuration as Docker's inspect tells it: every field is there, null where Go has a nil; what Go leaves out when empty is left out. */
export function fullConfig(config: ContainerConfig): ContainerConfig {
  const full = withZeros(zero, config, leftOutWhenEmpty);
  return full as ContainerConfig; // Docker's null for an empty list or map stands beyond our types
}

/** `value` on top of `zeros`: null and undefined take the zero's place, and the `optional` ones go when there is nothing in them. */
export function withZeros(zeros: object, value: object, optional: readonly string[]): Record<string, unknown> {
  const full: Record<string, unknown> = { ...zeros };
  for (const [key, one] of Object.entries(value)) {
    if (one === undefined || (one === null && key in zeros)) continue;
    if (optional.includes(key) && isEmpty(one)) continue;
    full[key] = one;
  }
  return full;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
