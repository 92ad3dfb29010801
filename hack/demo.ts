// make demo: what pouchd is about, on this machine, in a few seconds. Two plugins of the tree are recorded for the demo alone, compiled in, and the
// executable runs in a folder and network namespace of its own; a container is started through the Docker CLI when there is one, else through the
// API; its hooks are shown at work. What the user recorded, built or runs is not touched, and nothing is left but the cache of the build.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from '../build/build.ts';
import { type BuildContext, createContext } from '../build/context.ts';
import { BuildError, formatProblem } from '../build/problem.ts';
import { readSet } from '../build/recorded.ts';
import { clean, record } from '../build/stages/record.ts';
import { reportText } from '../build/stages/report.ts';
import { startDaemon, type TestDaemon } from '../test/helpers/daemon.ts';
import { busyboxArchive } from '../test/helpers/image.ts';
import { apiClient, cliClient, type DemoClient } from './demo-client.ts';

const wanted = ['hookplugins/containerplugin', 'hookplugins/daemonplugin'];
const script =
  'echo "hello from $(hostname)"; echo "memory limit $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null)"; ip -o -4 addr show eth0 | cut -d" " -f2-7; sleep 600';

function step(text: string): void {
  console.log(`\n== ${text}`);
}

/** The demo's own recorded set; npm is asked only the first time. */
async function recordBoth(ctx: BuildContext): Promise<void> {
  const names = readSet(ctx).pouchd.plugins.map((plugin) => plugin.name);
  if (names.join() === 'containerplugin,daemonplugin') {
    try {
      await build(ctx, 'resolve');
      return;
    } catch (error) {
      if (!(error instanceof BuildError)) throw error; // recorded by an older tree: again, below
    }
  }
  await clean(ctx);
  await record(
    ctx,
    wanted.map((spec) => ({ do: 'add', spec, volume: false })),
    path.resolve(import.meta.dirname, '..'),
  );
}

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('the demo starts containers: run it as root (sudo make demo)');
  const began = performance.now();
  const home = path.join(createContext().cacheDir, 'demo');
  const ctx = createContext({ pluginsDir: path.join(home, 'plugins'), distDir: path.join(home, 'dist') });

  step(`record two plugins and build (hack/module --add-plugin=${wanted.join(' --add-plugin=')} && make)`);
  mkdirSync(ctx.pluginsDir, { recursive: true });
  await recordBoth(ctx);
  const { report } = await build(ctx);
  if (!report) throw new Error('the build made no report');
  console.log(reportText(report));

  const scratch = mkdtempSync(path.join(tmpdir(), 'pouchd-demo-'));
  try {
    const config = {
      plugins: {
        daemonplugin: { command: ['/bin/sh', '-c', 'echo "the assistant is up"; exec sleep infinity'] },
        containerplugin: {
          touch: path.join(scratch, 'started-{id}'),
          entries: [{ priority: 10, path: '/bin/true', args: ['before', 'the', 'network'] }],
        },
      },
    };
    step(`start ${path.relative(process.cwd(), report.file)} in ${scratch}`);
    await using daemon = await startDaemon({ bin: report.file, config, dir: mkdtempSync(path.join(scratch, 'pouchd-')) });
    const client = (await cliClient(daemon)) ?? apiClient(daemon);
    await showContainer(daemon, client, scratch);
    step('stop the daemon');
    console.log(`exit code ${await daemon.stop()}`);
    step('what the plugins said');
    console.log(hookLines(daemon.log()).join('\n'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`\ndemo done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

async function showContainer(daemon: TestDaemon, client: DemoClient, scratch: string): Promise<void> {
  const archive = path.join(scratch, 'image.tar');
  await busyboxArchive(archive, { name: 'demo:latest' });
  step(`make an image from busybox and load it, through ${client.name}`);
  console.log((await client.load(archive)).trim());
  step('run a container whose scheduler set SCHED_MEMORY=64m');
  const id = await client.run('demo:latest', ['SCHED_MEMORY=64m'], ['sh', '-c', script]);
  console.log(id.slice(0, 12));
  step('its pre-start programs, from its OCI config.json: above 0 before the network is wired, below 0 after');
  for (const [priority, argv] of await prestart(daemon, id)) console.log(`${priority.padStart(4)}  ${argv}`);
  step('its output');
  console.log((await client.logs(id, 3)).trimEnd());
  const [touched] = await Array.fromAsync(glob(`${scratch}/started-*`));
  console.log(touched?.includes(id) ? 'and the plugin touched its file for it' : 'but the plugin touched no file for it');
  await client.remove(id);
}

/** Priority and arguments, argv0 first, of each prestart hook, in order; the network's entry is told by its argv0. */
async function prestart(daemon: TestDaemon, id: string): Promise<[string, string][]> {
  const [file] = await Array.fromAsync(glob([`${daemon.state}/**/${id}/config.json`, `${daemon.root}/**/${id}/config.json`]));
  if (!file) throw new Error(`no config.json of ${id} below ${daemon.state}`);
  const { hooks } = JSON.parse(readFileSync(file, 'utf8')) as { hooks?: { prestart?: { path: string; args?: string[] }[] } };
  const entries = hooks?.prestart ?? [];
  const network = entries.findIndex((entry) => entry.args?.[0] === 'libnetwork-setkey');
  return entries.map((entry, index) => {
    const priority = index === network ? '0' : index < network ? '10' : '-4';
    const argv = (entry.args ?? []).map((arg) => (arg.length > 40 ? `${arg.slice(0, 37)}...` : arg));
    return [priority, argv.join(' ').replaceAll('\n', ' ')];
  });
}

function hookLines(log: string): string[] {
  return log.split('\n').filter((line) => /daemonplugin|containerplugin|assistant/.test(line));
}

try {
  await main();
} catch (error) {
  if (error instanceof BuildError) console.error(error.problems.map((problem) => formatProblem(problem)).join('\n'));
  else console.error(error instanceof Error ? error.message : error);
  console.error('demo failed');
  process.exitCode = 1;
}
