import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../daemon/lib/log.ts';
import { run } from '../../daemon/lib/process.ts';
import type { NetworkConfig } from '../../daemon/networks/room.ts';
import { createNetworks, type NetworkDeps, type Networks } from '../../daemon/networks/service.ts';
import type { Store } from '../../daemon/store/contract.ts';
import { openStore } from '../../daemon/store/sqlite.ts';

/** What the daemon's configuration says about networks when nobody says anything. */
export const plainNetworkConfig: NetworkConfig = {
  bridge: { name: '', bip: '', bipv6: '', mtu: 1500, icc: true, ipMasq: true, fixedCidr: '', defaultGateway: '' },
  defaultAddressPools: [],
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
};

/** A networks room of a test's own, on a store and state folder of its own. */
export interface TestNetworks extends AsyncDisposable {
  readonly networks: Networks;
  readonly store: Store;
  readonly dir: string;
  /** `action network container` of each event so far. */
  readonly events: string[];
}

/** Builds one and restores it; on disposal all sandboxes, bridges and rules are gone. Run it in a network namespace of the test's own. */
export async function networksRoom(
  options: { config?: Partial<NetworkConfig>; running?: string[]; dir?: string } & Partial<
    Pick<NetworkDeps, 'hooks' | 'poolSize' | 'log'>
  > = {},
): Promise<TestNetworks> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'pouchd-networks-'));
  const store = openStore(join(dir, 'pouchd.db'));
  const events: string[] = [];
  const networks = createNetworks({
    store,
    log: options.log ?? silentLogger,
    hooks: options.hooks,
    poolSize: options.poolSize,
    stateDir: dir,
    config: { ...plainNetworkConfig, ...options.config },
    events: {
      publish: ({ action, attributes = {} }) =>
        events.push([action, attributes['name'], attributes['container']].filter(Boolean).join(' ')),
    },
  });
  await networks.restore(new Set(options.running ?? []));
  return {
    networks,
    store,
    dir,
    events,
    async [Symbol.asyncDispose]() {
      await networks.ready();
      for (const { id } of store.all('endpoints')) await networks.close(id);
      await networks.destroy();
      store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A container id made of one digit. */
export function fakeId(digit: number | string): string {
  return String(digit).repeat(64).slice(0, 64);
}

/** Runs a shell script in a namespace and gives its output, both streams, trimmed; a failure is `failed (CODE): OUTPUT`. Ends after 20 s. */
export async function inside(netns: string | undefined, script: string): Promise<string> {
  const [command = '', ...args] = [
    ...(netns ? ['nsenter', `--net=${netns}`] : []),
    'timeout',
    '20',
    'sh',
    '-c',
    `exec 2>&1; ${script}`,
  ];
  const { exitCode, stdout } = await run(command, args, { allowFailure: true });
  return exitCode === 0 ? stdout.trim() : `failed (${exitCode}): ${stdout.trim()}`;
}

/** Starts a small web server in a namespace that answers every path under / with `text`; ready when this resolves. */
export async function serveText(netns: string, dir: string, text: string): Promise<void> {
  const answer = await inside(
    netns,
    `mkdir -p ${dir}/${text} && echo ${text} >${dir}/${text}/index.html && busybox httpd -p 80 -h ${dir}/${text}`,
  );
  if (answer !== '') throw new Error(answer);
}
