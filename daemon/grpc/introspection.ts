import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Server, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { InitialisedPlugin } from '../../hookplugins/context.ts';
import { kindOf, messageOf } from '../errors/error.ts';
import { wire } from '../errors/wire.ts';
import { writeFileAtomicSync } from '../lib/atomic-file.ts';
import { Empty } from '../types/gen/containerd/google/protobuf/empty.ts';
import { type Plugin, PluginsRequest, PluginsResponse, ServerResponse } from '../types/gen/containerd/introspection.ts';
import { parseFilters } from './containerd-filter.ts';
import type { GrpcService } from './contract.ts';

const service = '/containerd.services.introspection.v1.Introspection';

/** What introspection tells: the daemon's own graph, in the order it was initialised. */
export interface IntrospectionOptions {
  plugins(): readonly InitialisedPlugin[];
  /** Directory that survives reboots: it keeps the daemon's uuid. */
  root: string;
}

/** containerd's introspection service about this daemon: `ctr plugins ls` shows the daemon's rooms and plugins. */
export function createIntrospection({ plugins, root }: IntrospectionOptions): GrpcService {
  return {
    register(server: Server) {
      const list = ({ filters }: PluginsRequest): PluginsResponse => {
        const isWanted = parseFilters(filters);
        const rows = plugins().filter((one) =>
          isWanted((field) => (field === 'type' || field === 'id' ? one[field] : undefined)),
        );
        return { plugins: rows.map(toPlugin) };
      };
      const self = (): ServerResponse => ({ uuid: uuidIn(root), pid: process.pid, pidns: pidNamespace(), deprecations: [] });
      register(server, `${service}/Plugins`, PluginsRequest, PluginsResponse, list);
      register(server, `${service}/Server`, Empty, ServerResponse, self);
    },
  };
}

/** One registration as containerd tells its plugins. A skipped one has an error that ends in `skip plugin`, by which `ctr` knows it. */
export function toPlugin(one: InitialisedPlugin): Plugin {
  const message = one.error ? `${messageOf(one.error)}${one.status === 'skip' ? ': skip plugin' : ''}` : '';
  return {
    type: one.type,
    id: one.id,
    requires: [...one.requires],
    platforms: one.meta.platforms.map(({ os, architecture, variant }) => ({
      os,
      architecture,
      variant: variant ?? '',
      osVersion: '',
      osFeatures: [],
    })),
    exports: one.meta.exports,
    capabilities: one.meta.capabilities,
    initErr: one.error && { code: wire[kindOf(one.error)].grpc, message, details: [] },
  };
}

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

function register<Req, Res>(
  server: Server,
  path: string,
  request: Codec<Req>,
  response: Codec<Res>,
  answer: (request: Req) => Res,
): void {
  const handler = (call: ServerUnaryCall<Req, Res>, reply: sendUnaryData<Res>) => {
    try {
      reply(null, answer(call.request));
    } catch (error) {
      reply({ code: wire[kindOf(error)].grpc, details: messageOf(error) });
    }
  };
  const serialize = (message: Res) => Buffer.from(response.encode(message).finish());
  server.register(path, handler, serialize, (bytes) => request.decode(bytes), 'unary');
}

/** Made once and kept, as containerd keeps its own. */
function uuidIn(root: string): string {
  const path = join(root, 'uuid');
  try {
    const known = readFileSync(path, 'utf8').trim();
    if (known !== '') return known;
  } catch {
    // the first start
  }
  mkdirSync(root, { recursive: true });
  const uuid = randomUUID();
  writeFileAtomicSync(path, uuid);
  return uuid;
}

/** The inode of our pid namespace: `pid:[4026531836]`. */
function pidNamespace(): number {
  return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0);
}
