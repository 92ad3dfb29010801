import { engineCommit, engineVersion } from '../../lib/version.ts';
import { newestVersion, oldestVersion } from '../http/version.ts';
import type { SystemBackend } from './backend.ts';

/** The answer of `GET /version`. */
export async function versionInfo(backend: SystemBackend): Promise<object> {
  const { host, tools, config } = backend;
  const runtime = config.runtimes[config.defaultRuntime]?.path ?? 'runc';
  const [containerd, runc, init] = await Promise.all([
    containerdVersion(backend),
    tools.of(runtime),
    tools.of(config.initPath || 'docker-init'),
  ]);
  const engine = {
    ApiVersion: newestVersion,
    Arch: host.goArch,
    BuildTime: '',
    Experimental: 'false',
    GitCommit: engineCommit,
    GoVersion: `node${process.versions.node}`,
    KernelVersion: host.kernelVersion,
    MinAPIVersion: oldestVersion,
    Os: 'linux',
  };
  const { Experimental: _, ...flat } = engine;
  return {
    Platform: { Name: 'pouchd' },
    Components: [
      { Name: 'Engine', Version: engineVersion, Details: engine },
      { Name: 'containerd', Version: containerd.version, Details: { GitCommit: containerd.commit } },
      { Name: config.defaultRuntime, Version: runc.version, Details: { GitCommit: runc.commit } },
      { Name: 'docker-init', Version: init.version, Details: { GitCommit: init.commit } },
    ],
    Version: engineVersion,
    ...flat,
  };
}

/** Version of the containerd behind the daemon; empty while it does not answer. */
export async function containerdVersion(backend: Pick<SystemBackend, 'ctrd'>): Promise<{ version: string; commit: string }> {
  try {
    const answer = await backend.ctrd?.client.version.version({}, { timeoutMs: 2000 });
    return { version: answer?.version ?? '', commit: answer?.revision ?? '' };
  } catch {
    return { version: '', commit: '' }; // it is being restarted; the rest of the answer is still true
  }
}
