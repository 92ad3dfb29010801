import { unpackJson } from '../ctrd/any.ts';
import { internal } from '../errors/error.ts';
import { allCapabilities } from '../spec/capabilities.ts';
import type { OciProcess, OciSpec } from '../spec/oci.ts';
import type { ExecConfig } from '../types/docker/container.ts';
import { containerUser } from './container-user.ts';
import type { LiveContainer } from './live.ts';
import { mergeEnv } from './merge-config.ts';
import type { ProcessRoom } from './process-room.ts';

/** The OCI process of an exec: the container's own (environment, limits, capabilities as it was started with), changed by what the exec asks for. */
export async function execProcess(
  room: ProcessRoom,
  container: LiveContainer,
  options: { config: ExecConfig; consoleSize?: [number, number] },
): Promise<OciProcess> {
  const { config } = options;
  const { record } = container;
  const userText = config.User || record.config.User || '';
  const [{ container: saved }, user] = await Promise.all([
    room.ctrd.client.containers.get({ id: record.id }),
    containerUser(room, container, userText, record.hostConfig.GroupAdd ?? []),
  ]);
  if (!saved?.spec) throw internal(`containerd has no spec of container ${record.id}`);
  const own = unpackJson<OciSpec>(saved.spec).process;
  const { consoleSize: _size, ...base } = own;
  const tty = config.Tty === true;
  const [height, width] = options.consoleSize ?? config.ConsoleSize ?? [0, 0];
  const isRoot = user.uid === 0;
  const bounding = config.Privileged
    ? allCapabilities.filter((name) => room.host.capabilities.has(name))
    : (own.capabilities?.bounding ?? []);
  const effective = isRoot || config.Privileged ? bounding : [];
  return {
    ...base,
    terminal: tty,
    ...(tty && height && width ? { consoleSize: { height, width } } : {}),
    user: { uid: user.uid, gid: user.gid, ...(user.additionalGids.length > 0 ? { additionalGids: user.additionalGids } : {}) },
    args: config.Cmd ?? [],
    env: execEnv(own.env, config, user.home),
    cwd: config.WorkingDir || record.config.WorkingDir || '/',
    capabilities: {
      ...own.capabilities,
      bounding: [...bounding],
      effective: [...effective],
      permitted: [...effective],
      inheritable: [],
      ambient: [],
    },
    ...(config.Privileged && own.apparmorProfile ? { apparmorProfile: 'unconfined' } : {}),
  };
}

/** HOME is left to the runtime when the exec runs as somebody else; a terminal has TERM. */
function execEnv(own: readonly string[], config: ExecConfig, home: string | undefined): string[] {
  const base = config.Tty && !own.some((entry) => entry.startsWith('TERM=')) ? [...own, 'TERM=xterm'] : own;
  const withHome = config.User && home && !base.some((entry) => entry.startsWith('HOME=')) ? [...base, `HOME=${home}`] : base;
  return mergeEnv(withHome, config.Env ?? []);
}
