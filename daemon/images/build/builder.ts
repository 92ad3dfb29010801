/*
 * `POST /build`: the context is unpacked into a private folder, the base images that the Dockerfile names come from our store (pulled first where they are missing), buildah
 * builds, and its result is loaded back like any archive. Layers that the base image has already are shared, not stored again.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { notImplemented, PouchError } from '../../errors/error.ts';
import { shortId } from '../../lib/id.ts';
import { run } from '../../lib/process.ts';
import type { AuthConfig, ImageConfigBlob } from '../../types/docker/image.ts';
import type { ImageEntry } from '../image-index.ts';
import { loadArchive } from '../load.ts';
import { parsePlatform, platformFits } from '../platform.ts';
import type { Progress } from '../progress.ts';
import { pullImage } from '../pull.ts';
import { familiarName, normalName, parseReference, tryParseReference, withDefaultTag } from '../reference.ts';
import { type ImagesRoom, imageEvent } from '../room.ts';
import { saveImages } from '../save.ts';
import { Buildah } from './buildah.ts';
import { dockerfileIn, unpackContext } from './context.ts';
import type { Builder, BuildRequest } from './contract.ts';
import { scanDockerfile } from './dockerfile-scan.ts';
import { BuildOutput, buildFailure } from './output.ts';

/** A failed step; `code` is the exit code of a RUN and goes into `errorDetail`. */
export class BuildError extends PouchError {
  readonly code: number | undefined;

  constructor(message: string, code: number | undefined) {
    super('internal', message);
    this.name = 'BuildError';
    this.code = code;
  }
}

/** The builder of a daemon; `dir` holds buildah's storage, which is also the cache. */
export function createBuilder(room: ImagesRoom, dir: string): Builder {
  const buildah = new Buildah({ dir, log: room.log });
  return {
    build: (request, progress) => build({ room, buildah }, request, progress),
    async prune() {
      await buildah.prepare();
      const before = await bytesIn(dir);
      const CachesDeleted = await buildah.prune();
      return { CachesDeleted, SpaceReclaimed: Math.max(0, before - (await bytesIn(dir))) };
    },
  };
}

interface Tools {
  readonly room: ImagesRoom;
  readonly buildah: Buildah;
}

async function build(tools: Tools, request: BuildRequest, progress: Progress): Promise<void> {
  const { room, buildah } = tools;
  const names = request.tags.map((tag) => normalName(withDefaultTag(parseReference(tag))));
  checkRequest(request);
  await buildah.prepare();
  const work = join(room.workDir, `build-${randomUUID()}`);
  await mkdir(work, { mode: 0o700 });
  try {
    const context = join(work, 'context');
    await unpackContext(request, context);
    const file = await dockerfileIn(context, request.dockerfile);
    const scan = scanDockerfile(await readFile(file, 'utf8'), request.buildArgs);
    const bases = await provideBases(tools, scan.images, { request, progress, work });
    const output = new BuildOutput({
      steps: scan.steps,
      names: new Map([...bases].map(([ref, image]) => [image.id.slice('sha256:'.length), ref])),
      stages: scan.stages,
      progress: request.quiet ? () => undefined : progress,
    });
    const idFile = join(work, 'id');
    const args = [...buildah.policyArgs, ...argsOf(request, bases), '--iidfile', idFile, '--file', file, context];
    const { exitCode, stderr } = await buildah.build(args, {
      onOutput: (text) => output.write(text),
      withoutNetwork: request.networkMode === 'none',
      signal: request.signal,
    });
    output.end();
    if (exitCode !== 0) {
      const { message, code } = buildFailure(stderr);
      throw new BuildError(message, code);
    }
    const built = (await readFile(idFile, 'utf8')).trim();
    const image = await loadResult(tools, built, { work, names, signal: request.signal });
    for (const name of names) imageEvent(room, 'tag', { id: image.id, name: familiarName(parseReference(name)) });
    if (request.quiet) return progress({ stream: `${image.id}\n` });
    progress({ aux: { ID: image.id } });
    progress({ stream: `Successfully built ${shortId(image.id)}\n` });
    for (const name of names) progress({ stream: `Successfully tagged ${familiarName(parseReference(name))}\n` });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function checkRequest({ networkMode, remote }: BuildRequest): void {
  if (networkMode && !['default', 'bridge', 'host', 'none'].includes(networkMode)) {
    throw notImplemented(`building on the network ${networkMode} is not supported: use default, host or none`);
  }
  if (remote && (/^git(@|:)/.test(remote) || /\.git(#|$)/.test(remote) || !/^https?:\/\//.test(remote))) {
    throw notImplemented(`building from the git repository ${remote} is not supported: send the context as a tar`);
  }
}

interface BaseOptions {
  request: BuildRequest;
  progress: Progress;
  work: string;
}

/** Reference as written -> our image, each of which buildah has now too. */
async function provideBases(
  { room, buildah }: Tools,
  refs: readonly string[],
  options: BaseOptions,
): Promise<Map<string, ImageEntry>> {
  const { request, work } = options;
  const { signal } = request;
  const bases = new Map<string, ImageEntry>();
  const have = new Set((await buildah.command(['images', '--all', '--quiet', '--no-trunc'], signal)).split('\n'));
  for (const ref of refs) {
    let image = room.index.find(ref);
    const fits = image && (!request.platform || platformFits(image.config, parsePlatform(request.platform)));
    if (!image || !fits || request.pull) {
      const progress = request.quiet ? () => undefined : options.progress;
      const pull = { ref, platform: request.platform, auth: authFor(ref, request.auths) };
      image = room.index.resolve((await pullImage(room, pull, progress, signal)).id);
    }
    bases.set(ref, image);
    if (!have.has(image.id)) {
      const file = join(work, `base-${bases.size}.tar`);
      await pipeline(await saveImages(room, [image.id], signal), createWriteStream(file, { mode: 0o600 }));
      await buildah.command(['pull', '--quiet', ...buildah.policyArgs, `docker-archive:${file}`], signal);
      await rm(file);
    }
    // A FROM with a variable is looked up by its name; --build-context only knows it as it is written.
    const named = tryParseReference(ref);
    if (named && !named.digest)
      await buildah.command(['tag', image.id.slice('sha256:'.length), normalName(withDefaultTag(named))], signal);
  }
  return bases;
}

function authFor(ref: string, auths: Readonly<Record<string, AuthConfig>>): AuthConfig | undefined {
  const { domain } = parseReference(ref);
  const keys =
    domain === 'docker.io'
      ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io']
      : [domain, `https://${domain}`, `http://${domain}`];
  return keys.map((key) => auths[key]).find((auth) => auth !== undefined);
}

function argsOf(request: BuildRequest, bases: ReadonlyMap<string, ImageEntry>): string[] {
  const { limits } = request;
  const flags: [string, string | undefined][] = [
    ['--target', request.target],
    ['--platform', request.platform],
    ['--network', 'host'], // of buildah itself: see Buildah.build for `none`
    ['--shm-size', request.shmBytes > 0 ? `${request.shmBytes}b` : undefined],
    ['--memory', limits['memory'] && `${limits['memory']}b`],
    ['--memory-swap', limits['memswap'] && (limits['memswap'] === '-1' ? '-1' : `${limits['memswap']}b`)],
    ['--cpu-shares', limits['cpushares']],
    ['--cpu-period', limits['cpuperiod']],
    ['--cpu-quota', limits['cpuquota']],
    ['--cpuset-cpus', limits['cpusetcpus']],
  ];
  return [
    '--isolation=chroot',
    '--format=docker',
    '--pull-never',
    '--identity-label=false',
    '--layers=true',
    ...(request.noCache ? ['--no-cache'] : []),
    ...(request.squash ? ['--squash'] : []),
    ...flags.flatMap(([flag, value]) => (value ? [`${flag}=${value}`] : [])),
    ...Object.entries(request.buildArgs).flatMap(([key, value]) => (value === null ? [] : [`--build-arg=${key}=${value}`])),
    ...Object.entries(request.labels).map(([key, value]) => `--label=${key}=${value}`),
    ...request.ulimits.map((ulimit) => `--ulimit=${ulimit}`),
    ...request.extraHosts.map((host) => `--add-host=${host}`),
    ...[...bases].map(([ref, image]) => `--build-context=${ref}=container-image://${image.id.slice('sha256:'.length)}`),
  ];
}

async function loadResult(
  { room, buildah }: Tools,
  id: string,
  { work, names, signal }: { work: string; names: readonly string[]; signal?: AbortSignal },
): Promise<ImageEntry> {
  const file = join(work, 'result.tar');
  await buildah.command(['push', '--quiet', ...buildah.policyArgs, id, `docker-archive:${file}`], signal);
  const [image] = await loadArchive(room, createReadStream(file), () => undefined, {
    names,
    quiet: true,
    sharesLayers: true,
    isSilent: true,
    rewrite: asDocker,
    signal,
  });
  if (!image) throw new PouchError('internal', 'the builder made no image');
  return image;
}

/** buildah's own traces (working containers' names) are of no use to anyone. */
function asDocker({
  container: _container,
  container_config: _old,
  parent: _parent,
  ...config
}: ImageConfigBlob): ImageConfigBlob {
  const { Hostname: _hostname, ...rest } = config.config ?? {};
  const history = config.history?.map(({ comment, ...step }) =>
    comment && !comment.startsWith('FROM ') ? { ...step, comment } : step,
  );
  return { ...config, config: rest, history };
}

async function bytesIn(dir: string): Promise<number> {
  const { stdout } = await run('du', ['-sb', dir], { allowFailure: true });
  return Number(/^\d+/.exec(stdout)?.[0] ?? 0);
}
