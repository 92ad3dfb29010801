import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createDoor } from '../../daemon/api/http/door.ts';
import { openGate } from '../../daemon/api/http/gate.ts';
import { type CommitContainers, ImagesBackend } from '../../daemon/api/images/backend.ts';
import { imageRoutes } from '../../daemon/api/images/routes.ts';
import { pingRoutes } from '../../daemon/api/system/ping.ts';
import { createBuilder } from '../../daemon/images/build/builder.ts';
import type { TestImages } from './images-room.ts';

/** What a command left. */
export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** The image endpoints on a unix socket, and Docker's CLI talking to them. */
export interface TestImagesApi extends AsyncDisposable {
  readonly socket: string;
  /** Runs `docker ARGS`; a failure is a result. */
  docker(args: readonly string[], options?: { input?: string | Uint8Array; env?: Record<string, string> }): Promise<CliResult>;
}

/** Opens the API over a room. `containers` serves commit. */
export async function startImagesApi(test: TestImages, containers?: CommitContainers): Promise<TestImagesApi> {
  const socket = join(test.dir, 'api.sock');
  const builder = createBuilder(test.images.room, join(test.dir, 'builder'));
  const backend = new ImagesBackend(test.images, builder, () => containers ?? { table: missing, lifecycle: missing });
  const { room } = test.images;
  const door = createDoor({
    hosts: [`unix://${socket}`],
    tls: { verify: false, caFile: '', certFile: '', keyFile: '' },
    group: () => 0,
    routes: [...imageRoutes(backend), ...pingRoutes()],
    hooks: room.hooks,
    gate: openGate,
    log: room.log,
  });
  await door.open();
  const docker: TestImagesApi['docker'] = (args, options = {}) => run(socket, args, { dir: test.dir, ...options });
  return { socket, docker, [Symbol.asyncDispose]: () => door.close() };
}

const missing = new Proxy({} as never, {
  get() {
    throw new Error('no containers in this test');
  },
});

function run(
  socket: string,
  args: readonly string[],
  { dir, input, env }: { dir: string; input?: string | Uint8Array; env?: Record<string, string> },
): Promise<CliResult> {
  const environment = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(dir, 'cli'),
    DOCKER_CLI_HINTS: 'false',
    DOCKER_BUILDKIT: '0',
    ...env,
  };
  return new Promise((resolve) => {
    const child = execFile('docker', [...args], { env: environment, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => undefined); // the CLI may end before it has read all
    child.stdin?.end(input);
  });
}
