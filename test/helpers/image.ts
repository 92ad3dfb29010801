/** Makes small images from busybox-static, so that no test needs a registry of the internet: an archive as `docker save` writes it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';

/** What may differ from the plain busybox image. */
export interface BusyboxOptions {
  /** Name with tag; default `busybox:latest`. `null` writes an archive without a name. */
  name?: string | null;
  /** Default: this machine's. The binary is always this machine's. */
  architecture?: 'amd64' | 'arm64';
  /** Laid over the image's configuration (`Cmd`, `Env`, `Labels`, `Volumes` …). */
  config?: Record<string, unknown>;
  /** Further files by absolute path; content as text. Each call with other files gives another layer. */
  files?: Record<string, string>;
  /** One more layer for each entry, above busybox: files by absolute path. */
  layers?: Record<string, string>[];
}

/** What `busyboxArchive` wrote. */
export interface BusyboxImage {
  /** Image id, `sha256:…`. */
  id: string;
  diffIds: string[];
}

const epoch = new Date(0);
const binary = '/bin/busybox';
let applets: { body: Buffer; names: string[] } | undefined;

const passwd =
  'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n';
const group = 'root:x:0:\ndaemon:x:1:\nwheel:x:10:root\nnogroup:x:65534:\n';

/** Writes `docker load`'s archive of an image with sh, all applets, users root, daemon and nobody to `path`. The same options give the same bytes. */
export async function busyboxArchive(path: string, options: BusyboxOptions = {}): Promise<BusyboxImage> {
  const layers = [await baseLayer(options.files ?? {}), ...(await Promise.all((options.layers ?? []).map(fileLayer)))];
  const diffIds = layers.map((layer) => digestOf(layer));
  const history = layers.map((_, index) => ({
    created: epoch.toISOString(),
    created_by: index === 0 ? 'busybox' : `layer ${index}`,
  }));
  const config = Buffer.from(
    JSON.stringify({
      created: epoch.toISOString(),
      architecture: options.architecture ?? (process.arch === 'arm64' ? 'arm64' : 'amd64'),
      os: 'linux',
      config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'], ...options.config },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history,
    }),
  );
  const id = digestOf(config);
  const name = options.name === undefined ? 'busybox:latest' : options.name;
  const tar = pack();
  const written = pipeline(tar, createWriteStream(path));
  const names = layers.map((_, index) => `${hex(diffIds[index]!)}/layer.tar`);
  tar.entry({ name: `${hex(id)}.json`, mtime: epoch }, config);
  for (const [index, layer] of layers.entries()) tar.entry({ name: names[index]!, mtime: epoch }, layer);
  const manifest = [{ Config: `${hex(id)}.json`, RepoTags: name === null ? null : [name], Layers: names }];
  tar.entry({ name: 'manifest.json', mtime: epoch }, JSON.stringify(manifest));
  tar.finalize();
  await written;
  return { id, diffIds };
}

async function baseLayer(files: Record<string, string>): Promise<Buffer> {
  applets ??= {
    body: readFileSync(binary),
    names: execFileSync(binary, ['--list'], { encoding: 'utf8' })
      .split('\n')
      .filter((name) => name && name !== 'busybox'),
  };
  const tar = pack();
  const collected = collect(tar);
  for (const dir of [
    'bin',
    'dev',
    'etc',
    'home',
    'proc',
    'root',
    'sys',
    'usr',
    'usr/bin',
    'usr/sbin',
    'var',
    'var/spool',
    'var/www',
  ]) {
    tar.entry({ name: `${dir}/`, type: 'directory', mode: 0o755, mtime: epoch });
  }
  tar.entry({ name: 'tmp/', type: 'directory', mode: 0o1777, mtime: epoch });
  tar.entry({ name: 'bin/busybox', mode: 0o755, mtime: epoch }, applets.body);
  for (const name of applets.names)
    tar.entry({ name: `bin/${name}`, type: 'link', linkname: 'bin/busybox', mode: 0o755, mtime: epoch });
  tar.entry({ name: 'etc/passwd', mode: 0o644, mtime: epoch }, passwd);
  tar.entry({ name: 'etc/group', mode: 0o644, mtime: epoch }, group);
  addFiles(tar, files);
  return collected;
}

function fileLayer(files: Record<string, string>): Promise<Buffer> {
  const tar = pack();
  const collected = collect(tar);
  addFiles(tar, files);
  return collected;
}

/** Parents are entries of their own, so that a path may lie in a folder that the image does not have yet. */
function addFiles(tar: Pack, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    const parts = path.replace(/^\//, '').split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      tar.entry({ name: `${parts.slice(0, depth).join('/')}/`, type: 'directory', mode: 0o755, mtime: epoch });
    }
    tar.entry({ name: parts.join('/'), mode: 0o755, mtime: epoch }, content);
  }
  tar.finalize();
}

async function collect(tar: Pack): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const hex = (digest: string) => digest.slice('sha256:'.length);
const digestOf = (data: Buffer) => `sha256:${createHash('sha256').update(data).digest('hex')}`;
