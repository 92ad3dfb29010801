import { invalidArgument } from '../errors/error.ts';
import type { ContainerConfig, HealthConfig } from '../types/docker/container.ts';

const keyOf = (entry: string) => (entry.includes('=') ? entry.slice(0, entry.indexOf('=')) : entry);

/** `base` with the variables of `over` laid on top; an entry of `over` without `=` takes the variable away. The order of `base` is kept. */
export function mergeEnv(base: readonly string[], over: readonly string[]): string[] {
  const merged = new Map(base.map((entry) => [keyOf(entry), entry]));
  for (const entry of over) {
    if (entry.includes('=')) merged.set(keyOf(entry), entry);
    else merged.delete(entry);
  }
  return [...merged.values()];
}

/**
 * A container's configuration completed by its image's, by Docker's rules: variables, labels, volumes and ports are joined, the user's win; a
 * command or entrypoint of the user hides the image's command, and `Entrypoint: [""]` hides the image's entrypoint. Throws invalidArgument when no command is left.
 */
export function mergeConfig(config: ContainerConfig, image: ContainerConfig | undefined): ContainerConfig {
  const merged: ContainerConfig = { ...config };
  const own = config.Entrypoint ?? undefined;
  if (image) {
    merged.User ||= image.User;
    merged.WorkingDir ||= image.WorkingDir;
    merged.StopSignal ||= image.StopSignal;
    merged.Shell ??= image.Shell;
    merged.ExposedPorts = joined(image.ExposedPorts, config.ExposedPorts);
    merged.Volumes = joined(image.Volumes, config.Volumes);
    merged.Labels = { ...image.Labels, ...config.Labels };
    merged.Env = missingEnv(config.Env ?? [], image.Env ?? []);
    if (!own?.length) {
      if (!config.Cmd?.length) merged.Cmd = image.Cmd ?? null;
      if (own === undefined) merged.Entrypoint = image.Entrypoint ?? null;
    }
    merged.Healthcheck = mergedHealth(config.Healthcheck, image.Healthcheck);
  }
  if (merged.Entrypoint?.length === 1 && merged.Entrypoint[0] === '') merged.Entrypoint = null;
  merged.Cmd ??= null;
  merged.Entrypoint ??= null;
  merged.Env ??= [];
  merged.Labels ??= {};
  if (!merged.Healthcheck) delete merged.Healthcheck;
  if (!merged.Entrypoint?.length && !merged.Cmd?.length) throw invalidArgument('No command specified');
  return merged;
}

/** User's variables first, then those of the image that the user did not name: Docker's order. */
function missingEnv(own: readonly string[], image: readonly string[]): string[] {
  const named = new Set(own.map(keyOf));
  return [...own, ...image.filter((entry) => !named.has(keyOf(entry)))];
}

function joined<T extends object>(image: T | null | undefined, own: T | null | undefined): T | undefined {
  if (!image && !own) return undefined;
  return { ...image, ...own } as T; // both are the same kind of map
}

function mergedHealth(own: HealthConfig | undefined, image: HealthConfig | undefined): HealthConfig | undefined {
  if (!own || !image) return own ?? image;
  return {
    ...own,
    Test: own.Test?.length ? own.Test : image.Test,
    Interval: own.Interval || image.Interval,
    Timeout: own.Timeout || image.Timeout,
    StartPeriod: own.StartPeriod || image.StartPeriod,
    StartInterval: own.StartInterval || image.StartInterval,
    Retries: own.Retries || image.Retries,
  };
}

/** The command line: entrypoint, then command. Never empty for a merged configuration. */
export function commandLine(config: ContainerConfig): string[] {
  return [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
}
