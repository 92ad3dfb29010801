/*
 * Datagrams to a unix socket (/dev/log, journald). Node has no such sockets, so a small Perl program (perl-base is on every Debian; python3 where it is missing) takes messages with their length
 * before them on its stdin and sends each as one datagram, connecting again when the other side was restarted. One program serves all logs that go to the same socket.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { unavailable } from '../../errors/error.ts';

const perl = `use Socket; binmode STDIN; my $p = sockaddr_un($ARGV[0]); socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
while (read(STDIN, my $h, 4) == 4) { my $n = unpack("N", $h); my $m = "";
while (length($m) < $n) { last unless read(STDIN, $m, $n - length($m), length($m)); }
for my $try (1..50) { last if defined send($s, $m, 0, $p); last if $!{EMSGSIZE}; select(undef, undef, undef, 0.1); } }`;

const python = `import socket,struct,sys,time,errno
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); i=sys.stdin.buffer
while True:
    h=i.read(4)
    if len(h)<4: break
    m=i.read(struct.unpack(">I",h)[0])
    for t in range(50):
        try: s.sendto(m,sys.argv[1]); break
        except OSError as e:
            if e.errno==errno.EMSGSIZE: break
            time.sleep(0.1)`;

/** Bytes that may wait for the program before its logs are held. */
const highWaterBytes = 1 << 20;

/** One socket that logs send to. */
export class DatagramSender {
  static readonly #senders = new Map<string, DatagramSender>();
  readonly #path: string;
  #child: ChildProcess | undefined;
  #users = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** The sender for a socket; give it back with `release`. Throws unavailable when the machine has no program to send with. */
  static acquire(path: string): DatagramSender {
    const sender = DatagramSender.#senders.get(path) ?? new DatagramSender(path);
    sender.#child ??= sender.#start();
    sender.#users += 1;
    DatagramSender.#senders.set(path, sender);
    return sender;
  }

  send(message: Buffer): void {
    this.#child ??= this.#start();
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(message.length);
    this.#child.stdin?.write(Buffer.concat([length, message]));
  }

  /** A promise while too much waits. */
  pressure(): Promise<void> | undefined {
    const input = this.#child?.stdin;
    if (!input || input.writableLength < highWaterBytes) return undefined;
    return once(input, 'drain').then(
      () => undefined,
      () => undefined,
    );
  }

  /** Resolves when the program has taken all. */
  async flush(): Promise<void> {
    const input = this.#child?.stdin;
    if (input?.writableLength) await new Promise<void>((resolve) => input.write('', () => resolve()));
  }

  /** The program ends with its last user, after it has sent what it got. */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    DatagramSender.#senders.delete(this.#path);
    this.#child?.stdin?.end();
    this.#child = undefined;
  }

  #start(): ChildProcess {
    const [command, ...args] = interpreter();
    const child = spawn(command, [...args, this.#path], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    child.stdin?.on('error', () => undefined); // its exit tells
    child.on('error', () => undefined); // 'exit' does not come then, but the next send starts anew
    child.once('close', () => {
      if (this.#child === child) this.#child = undefined;
    });
    child.unref();
    return child;
  }
}

let found: [string, ...string[]] | undefined;

function interpreter(): [string, ...string[]] {
  if (found) return found;
  for (const candidate of [
    ['perl', '-e', perl],
    ['python3', '-c', python],
  ] as [string, ...string[]][]) {
    if (spawnSync(candidate[0], [candidate[0] === 'perl' ? '-v' : '-V'], { stdio: 'ignore' }).status === 0) {
      found = candidate;
      return found;
    }
  }
  throw unavailable('logs cannot be sent to a unix datagram socket: install perl or python3');
}
