import { invalidArgument, messageOf } from '../errors/error.ts';
import type { HostConfig } from '../types/docker/container.ts';
import type { LiveContainer } from './live.ts';
import { networkOfMode } from './network-plan.ts';
import type { Room } from './room.ts';

/** One `--link` on the default bridge. */
export interface Link {
  container: LiveContainer;
  alias: string;
}

/** Reads HostConfig.Links (`name`, `name:alias`, or Docker's own `/name:/me/alias`). Throws invalidArgument for an unknown container. */
export function linksOf(room: Pick<Room, 'table'>, hostConfig: HostConfig): Link[] {
  if (networkOfMode(hostConfig.NetworkMode) !== 'bridge') return [];
  return (hostConfig.Links ?? []).map((text) => {
    const [name = '', given] = text.split(':');
    if (name === '' || text.split(':').length > 2) throw invalidArgument(`bad format for links: ${text}`);
    const alias = given?.slice(given.lastIndexOf('/') + 1) || name.replace(/^\//, '');
    try {
      return { container: room.table.resolve(name), alias };
    } catch (error) {
      throw invalidArgument(`could not get container for ${name}: ${messageOf(error)}`, error);
    }
  });
}

/** The links as inspect tells them: `/db:/web/alias`; a link whose container is gone is left out, no links are null. */
export function shownLinks(room: Pick<Room, 'table'>, { name, hostConfig }: LiveContainer['record']): string[] | null {
  const shown = (hostConfig.Links ?? []).flatMap((text) => {
    const [target = '', given] = text.split(':');
    const found = room.table.find(target.replace(/^\//, ''));
    const alias = given?.slice(given.lastIndexOf('/') + 1) || target.replace(/^\//, '');
    return found ? [`/${found.record.name}:/${name}/${alias}`] : [];
  });
  return shown.length > 0 ? shown : null;
}

/** The address of a linked container on the default bridge; '' while it does not run. */
export function linkAddress(link: Link): string {
  return link.container.record.networks['bridge']?.IPAddress ?? '';
}

/** The variables Docker gives for links: `DB_NAME`, `DB_PORT_5432_TCP_ADDR` … and the linked container's own as `DB_ENV_X`. */
export function linkEnv(links: readonly Link[], ownName: string): string[] {
  return links.flatMap((link) => {
    const address = linkAddress(link);
    if (address === '') return [];
    const prefix = link.alias.replaceAll('-', '_').toUpperCase();
    const env = [`${prefix}_NAME=/${ownName}/${link.alias}`];
    const ports = Object.keys(link.container.record.config.ExposedPorts ?? {}).sort();
    for (const [index, key] of ports.entries()) {
      const [port = '', protocol = 'tcp'] = key.split('/');
      const url = `${protocol}://${address}:${port}`;
      if (index === 0) env.unshift(`${prefix}_PORT=${url}`);
      const base = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      env.push(`${base}=${url}`, `${base}_ADDR=${address}`, `${base}_PORT=${port}`, `${base}_PROTO=${protocol}`);
    }
    for (const entry of link.container.record.config.Env ?? []) {
      const key = entry.split('=', 1)[0];
      if (key !== 'HOME' && key !== 'PATH') env.push(`${prefix}_ENV_${entry}`);
    }
    return env;
  });
}
