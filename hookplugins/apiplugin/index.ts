import { freemem, hostname, loadavg, totalmem, uptime } from 'node:os';
import { conflict, type HandlerSpec, registerAPIPlugin } from '@pouchd/hookplugins';

interface Config {
  readonly name?: string;
  readonly path: string;
  readonly header: string;
  readonly wrap?: readonly string[];
}

registerAPIPlugin<Config>({
  updateHandler(handlers, { config }) {
    const { path, header, wrap = ['/_ping', '/version'] } = config;
    const name = config.name ?? hostname();
    if (handlers.some((one) => one.method === 'GET' && one.path === path))
      throw conflict(`GET ${path} is a route already; choose another \`path\``);
    const wrapped = handlers.map((spec) => (wrap.includes(spec.path) ? withHeader(spec, header, name) : spec));
    return [...wrapped, nodeRoute(path, name)];
  },
});

function withHeader(spec: HandlerSpec, header: string, value: string): HandlerSpec {
  return {
    ...spec,
    handler(request, reply) {
      reply.header(header, value);
      return spec.handler(request, reply);
    },
  };
}

function nodeRoute(path: string, name: string): HandlerSpec {
  return {
    method: 'GET',
    path,
    handler: () => ({
      Name: name,
      UptimeSeconds: Math.floor(uptime()),
      DaemonUptimeSeconds: Math.floor(process.uptime()),
      LoadAverage: loadavg(),
      MemTotal: totalmem(),
      MemFree: freemem(),
      DaemonMemory: process.memoryUsage.rss(),
    }),
  };
}
