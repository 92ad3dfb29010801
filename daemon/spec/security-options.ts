import { invalidArgument } from '../errors/error.ts';

/** What `--security-opt` asks for. */
export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** `unconfined`, `builtin`, or the text of a profile. */
  seccomp?: string;
  apparmor?: string;
  /** SELinux label options; read, not applied. */
  labels: string[];
  /** `systempaths=unconfined`: nothing is masked. */
  unmasked: boolean;
}

/** Reads HostConfig.SecurityOpt: `key=value`, the old `key:value`, or a lone `no-new-privileges`. Throws invalidArgument with Docker's texts. */
export function securityOptions(options: readonly string[] | null | undefined): SecurityOptions {
  const found: SecurityOptions = { noNewPrivileges: false, labels: [], unmasked: false };
  for (const option of options ?? []) {
    if (option === 'no-new-privileges') {
      found.noNewPrivileges = true;
      continue;
    }
    if (option === 'disable') {
      found.labels.push('disable');
      continue;
    }
    const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
    if (at < 0) throw invalidArgument(`invalid --security-opt 1: ${JSON.stringify(option)}`);
    apply(found, option.slice(0, at), option.slice(at + 1), option);
  }
  return found;
}

function apply(found: SecurityOptions, key: string, value: string, option: string): void {
  switch (key) {
    case 'label':
      found.labels.push(value);
      return;
    case 'apparmor':
      found.apparmor = value;
      return;
    case 'seccomp':
      found.seccomp = value;
      return;
    case 'no-new-privileges':
      if (!/^(?:true|false|1|0|t|f)$/i.test(value)) throw invalidArgument(`invalid --security-opt 2: ${JSON.stringify(option)}`);
      found.noNewPrivileges = /^(?:true|1|t)$/i.test(value);
      return;
    case 'systempaths':
      found.unmasked = value === 'unconfined';
      return;
    case 'writable-cgroups':
      return;
    default:
      throw invalidArgument(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
}
