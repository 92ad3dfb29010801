import { forbidden } from '../../errors/error.ts';
import type { NetworkDriver } from './driver.ts';

/** The drivers host and none: one network each, no interfaces. Docker calls none's driver `null`. */
export function createPlainDriver(name: 'host' | 'null'): NetworkDriver {
  return {
    name,
    hasInterfaces: false,
    isBridged: false,
    check(network, others) {
      if (others.some((one) => one.driver === network.driver))
        throw forbidden(`only one instance of "${name}" network is allowed`);
    },
    ensure: async () => undefined,
    remove: async () => undefined,
    plan: () => ({ hostBefore: [], inside: [], hostAfter: [] }),
    unplan: () => [],
    rules: () => undefined,
  };
}
