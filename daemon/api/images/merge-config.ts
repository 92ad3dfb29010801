import type { ContainerConfig } from '../../types/docker/container.ts';

/** Docker's merge for commit: what the client gave wins, the container's own configuration fills the gaps. Neither is changed. */
export function mergeConfig(given: ContainerConfig, container: ContainerConfig): ContainerConfig {
  const env = given.Env ?? [];
  const keys = new Set(env.map((one) => one.split('=')[0]));
  const hasEntrypoint = (given.Entrypoint?.length ?? 0) > 0;
  const hasCommand = (given.Cmd?.length ?? 0) > 0;
  return {
    ...given,
    User: given.User || container.User,
    ExposedPorts: given.ExposedPorts || container.ExposedPorts ? { ...container.ExposedPorts, ...given.ExposedPorts } : undefined,
    Env: [...env, ...(container.Env ?? []).filter((one) => !keys.has(one.split('=')[0]))],
    Labels: { ...container.Labels, ...given.Labels },
    Cmd: hasEntrypoint || hasCommand ? given.Cmd : container.Cmd,
    Entrypoint: hasEntrypoint || given.Entrypoint ? given.Entrypoint : container.Entrypoint,
    Healthcheck: given.Healthcheck ?? container.Healthcheck,
    WorkingDir: given.WorkingDir || container.WorkingDir,
    Volumes: given.Volumes || container.Volumes ? { ...container.Volumes, ...given.Volumes } : undefined,
    StopSignal: given.StopSignal || container.StopSignal,
    Shell: given.Shell ?? container.Shell,
    OnBuild: given.OnBuild ?? container.OnBuild,
  };
}
