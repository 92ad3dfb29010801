import { invalidArgument } from '../../errors/error.ts';
import type { NetworkRecord } from '../record.ts';
import { addressLines, type NetworkDriver } from './driver.ts';

const modes = {
  macvlan: { option: 'macvlan_mode', names: ['bridge', 'private', 'passthru', 'vepa'], first: 'bridge' },
  ipvlan: { option: 'ipvlan_mode', names: ['l2', 'l3', 'l3s'], first: 'l2' },
} as const;

/** macvlan and ipvlan: endpoints are sub-interfaces of a host's interface (`-o parent=eth0`). No ports are published, no names are served. */
export function createSubinterfaceDriver(kind: 'macvlan' | 'ipvlan'): NetworkDriver {
  const { option, names, first } = modes[kind];
  const modeOf = (network: NetworkRecord): string => network.options[option] ?? first;
  return {
    name: kind,
    hasInterfaces: true,
    isBridged: false,
    check(network) {
      const parent = network.options['parent'];
      if (!parent) throw invalidArgument(`${kind} networks need a parent interface: give it with -o parent=INTERFACE`);
      if (!/^[\w.@-]{1,15}$/.test(parent)) throw invalidArgument(`invalid parent interface ${JSON.stringify(parent)}`);
      if (!names.some((one) => one === modeOf(network))) throw invalidArgument(`unknown ${kind} mode: ${modeOf(network)}`);
    },
    ensure: async () => undefined,
    remove: async () => undefined,
    plan(network, endpoint, { netnsPath }) {
      const { ifname, hostIfname, mac } = endpoint;
      const address = kind === 'macvlan' ? ` address ${mac}` : '';
      return {
        hostBefore: [
          `link add link ${network.options['parent']} name ${hostIfname}${address} netns ${netnsPath} type ${kind} mode ${modeOf(network)}`,
        ],
        inside: [`link set dev ${hostIfname} name ${ifname}`, ...addressLines(endpoint)],
        hostAfter: [],
      };
    },
    unplan: () => [], // goes with the namespace; disconnect removes it inside
    rules: () => undefined,
  };
}
