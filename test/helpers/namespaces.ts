import { execFileSync, spawnSync } from 'node:child_process';

const marker = 'POUCHD_TEST_NAMESPACES';

/**
 * Puts a test file into network, mount and process namespaces of its own: the file runs again inside them and this process ends with its exit code. When the inner one ends, or this one is killed, the kernel ends every process and mount that it left. Call it before anything else; `file` is `import.meta.filename`.
 */
export function inOwnNamespaces(file: string): void {
  if (process.env[marker] === 'prepared') return;
  if (process.env[marker]) {
    process.env[marker] = 'prepared';
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    // Shims of containerd put their sockets here whatever its own state folder is.
    execFileSync('sh', ['-c', 'mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd']);
    return;
  }
  const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const result = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...flags, '--', process.execPath, file], {
    stdio: 'inherit',
    env: { ...process.env, [marker]: 'entered' },
  });
  if (result.error) throw result.error;
  process.exit(result.status ?? 1);
}
