/*
 * The helper programs of this room, each started when first needed and kept: two `ip -batch` and `nft -i` change the host's side, two `sh` make namespaces and run things inside
 * them. A request costs 0.3–1 ms (a spawn from a daemon of 80 MB: 3–6 ms, and it blocks the event loop).
 */
import { PouchError } from '../errors/error.ts';
import { Coprocess } from '../lib/coprocess.ts';

/** What the drivers and the firewall run their commands through. */
export interface Programs {
  /** `ip` commands without the leading `ip`, in the daemon's namespace, in order; the rest runs even when one fails. Throws `internal` with ip's words unless all errors match `tolerate`. */
  ip(commands: readonly string[], tolerate?: RegExp): Promise<void>;
  /** The same through a second `ip`, for what takes the kernel long. */
  ipInBackground(commands: readonly string[], tolerate?: RegExp): Promise<void>;
  /** One nft transaction: commands are joined; all or nothing. */
  nft(commands: readonly string[]): Promise<void>;
  /** A shell script in a subshell; throws `internal` with its output when its exit status is not 0. Scripts of different callers may run at the same time. */
  sh(script: string): Promise<string>;
  close(): void;
}

/** Makes the programs; nothing is started before it is needed. */
export function createPrograms(): Programs {
  // A failing look-up is the marker: stderr is not buffered, stdout of both programs is when it is a pipe.
  const [ip, background] = [1, 2].map(
    () =>
      new Coprocess({
        command: 'ip',
        args: ['-force', '-batch', '-'],
        marker: (text) => `link show dev ${text}`,
        env: plainEnv(),
      }),
  ) as [Coprocess, Coprocess]; // two went in
  const nft = new Coprocess({ command: 'nft', args: ['-i'], marker: (text) => `list table ip ${text}`, env: plainEnv() });
  const shells = [1, 2].map(
    () => new Coprocess({ command: '/bin/sh', args: [], marker: (text) => `echo ${text}`, env: plainEnv(), timeoutMs: 60_000 }),
  );
  return {
    ip: (commands, tolerate) => runIp(ip, commands, tolerate),
    ipInBackground: (commands, tolerate) => runIp(background, commands, tolerate),
    async nft(commands) {
      if (commands.length === 0) return;
      const output = await nft.request(commands.join('; '));
      const failed = nftErrors(output);
      if (failed !== '') throw new PouchError('internal', `nft: ${failed}`);
    },
    async sh(script) {
      const [first, second] = shells;
      const shell = second && first && second.backlog < first.backlog ? second : first;
      if (!shell) throw new PouchError('internal', 'no shell');
      const output = await shell.request(`( ${script}\n) </dev/null 2>&1; echo "=$?"`);
      const end = /=(\d+)\n$/.exec(output);
      const text = end ? output.slice(0, end.index) : output;
      if (end?.[1] !== '0')
        throw new PouchError('internal', `network set-up failed (${end?.[1] ?? 'no status'}): ${text.trim()}`);
      return text;
    },
    close() {
      for (const one of [ip, background, nft, ...shells]) one.close();
    },
  };
}

async function runIp(ip: Coprocess, commands: readonly string[], tolerate?: RegExp): Promise<void> {
  if (commands.length === 0) return;
  const output = await ip.request(commands.join('\n'));
  const failed = ipErrors(output).filter((line) => !tolerate?.test(line));
  if (failed.length > 0) throw new PouchError('internal', `ip: ${failed.join('; ')} (of: ${commands.join('; ')})`);
}

function plainEnv(): NodeJS.ProcessEnv {
  return { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' };
}

/** What `ip -force -batch` complained of; the places it adds (also the one of the marker before) are dropped. */
export function ipErrors(output: string): string[] {
  return output.split('\n').filter((line) => line !== '' && !/^Command failed -:\d+$/.test(line));
}

/** nft's errors without the lines that show where. The marker's answer is two lines, so its first is the last one here. */
export function nftErrors(output: string): string {
  const lines = output.split('\n').filter((line) => line !== '');
  if (lines.at(-1)?.startsWith('Error:')) lines.pop();
  return lines
    .flatMap((line, index) => (/^(Error|netlink|internal:|BUG)/.test(line) ? `${line}${placeOf(lines, index)}` : []))
    .join('; ');
}

/** What the `^^^^` two lines below an error points at. */
function placeOf(lines: readonly string[], index: number): string {
  const marks = lines[index + 2] ?? '';
  const at = marks.indexOf('^');
  return at < 0 ? '' : ` (at ${lines[index + 1]?.slice(at, marks.lastIndexOf('^') + 1)})`;
}
