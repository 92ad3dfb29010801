import { createHash } from 'node:crypto';

/** `sha256:…` of bytes or text. */
export function digestOf(data: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The chain ids of an image's layers, bottom first: the first is its diff id, each further one the digest of `PARENT DIFFID`. They name the snapshots. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}

/** The chain id of the top layer; '' without layers. */
export function topChainId(diffIds: readonly string[]): string {
  return chainIds(diffIds).at(-1) ?? '';
}
