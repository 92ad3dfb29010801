import { addressOfReverseName, formatAddress } from '../../lib/ip.ts';
import type { NameTable } from '../names.ts';
import type { EndpointRecord, SandboxRecord } from '../record.ts';
import { type Answer, type Question, recordType } from './message.ts';

/** Answers a container's question from the names on its networks. Undefined: not ours, to be forwarded. No answers: the name is ours, it has nothing of that type. */
export function resolveQuestion(names: NameTable, asker: SandboxRecord, question: Question): Answer[] | undefined {
  if (question.class !== 1) return undefined;
  if (question.type === recordType.PTR) return reverse(names, asker, question.name);
  const found = lookup(names, asker, question.name);
  if (found.length === 0) return undefined;
  const key = question.type === recordType.A ? 'address4' : question.type === recordType.AAAA ? 'address6' : undefined;
  if (key === undefined) return [];
  const addresses = [...new Set(found.map((one) => one[key].split('/')[0] ?? '').filter((one) => one !== ''))];
  const type = key === 'address4' ? 'A' : 'AAAA';
  return shuffled(addresses).map((address) => ({ type, address }) as const);
}

/** The endpoints behind a name, on all networks of the asker; `name.network` narrows it to one. */
function lookup(names: NameTable, asker: SandboxRecord, name: string): EndpointRecord[] {
  const found: EndpointRecord[] = [];
  for (const endpoint of asker.endpoints) {
    found.push(...names.lookup(endpoint.networkId, linkTarget(endpoint, name) ?? name));
    const suffix = `.${endpoint.networkName.toLowerCase()}`;
    if (name.toLowerCase().endsWith(suffix)) found.push(...names.lookup(endpoint.networkId, name.slice(0, -suffix.length)));
  }
  return found;
}

/** `--link web:alias` on a user-defined network: the alias holds for the asker only. */
function linkTarget(endpoint: EndpointRecord, name: string): string | undefined {
  for (const link of endpoint.requested.links ?? []) {
    const [target = '', alias = ''] = link.split(':');
    if (alias.toLowerCase() === name.toLowerCase()) return target.replace(/^.*\//, '');
  }
  return undefined;
}

function reverse(names: NameTable, asker: SandboxRecord, name: string): Answer[] | undefined {
  const address = addressOfReverseName(name);
  const owner = address && names.byAddress(formatAddress(address));
  if (!owner || owner.endpoint.dnsNames.length === 0) return undefined;
  if (!asker.endpoints.some((one) => one.networkId === owner.endpoint.networkId)) return undefined;
  return [{ type: 'PTR', name: `${owner.sandbox.name}.${owner.endpoint.networkName}` }];
}

/** Round robin without a memory. */
function shuffled(list: string[]): string[] {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [list[index], list[other]] = [list[other] ?? '', list[index] ?? ''];
  }
  return list;
}
