import { invalidArgument } from '../../errors/error.ts';

/** Facilities by name, in their numbers' order. */
const facilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  ...['', '', '', ''],
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
];

/** What every message of one log has in common. */
export interface SyslogHeader {
  hostname: string;
  tag: string;
  pid: number;
}

/** Turns a message into one line for the wire. `priority` is facility and severity together. */
export type SyslogFormatter = (
  header: SyslogHeader,
  message: { priority: number; time: Date; nano: bigint; text: string },
) => string;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number) => String(value).padStart(2, '0');

/** `Jan  2 15:04:05`, local time. */
function stamp(time: Date): string {
  return `${months[time.getMonth()]} ${String(time.getDate()).padStart(2)} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

const unix: SyslogFormatter = ({ tag, pid }, { priority, time, text }) => `<${priority}>${stamp(time)} ${tag}[${pid}]: ${text}`;
const rfc3164: SyslogFormatter = ({ hostname, tag, pid }, { priority, time, text }) =>
  `<${priority}>${stamp(time)} ${hostname} ${tag}[${pid}]: ${text}`;
const rfc5424 =
  (isMicro: boolean): SyslogFormatter =>
  ({ hostname, tag, pid }, { priority, time, nano, text }) => {
    const micros = String((nano / 1000n) % 1_000_000n).padStart(6, '0');
    const moment = `${time.toISOString().slice(0, 19)}${isMicro ? `.${micros}` : ''}Z`;
    return `<${priority}>1 ${moment} ${hostname} ${tag} ${pid} ${tag} - ${text}`;
  };

/** The formatter of option `syslog-format`. Throws invalidArgument with Docker's text. */
export function syslogFormatter(format: string | undefined): SyslogFormatter {
  switch (format ?? '') {
    case '':
      return unix;
    case 'rfc3164':
      return rfc3164;
    case 'rfc5424':
      return rfc5424(false);
    case 'rfc5424micro':
      return rfc5424(true);
    default:
      throw invalidArgument('Invalid syslog format');
  }
}

/** The number of option `syslog-facility`, by name or number; `daemon` when it is not given. Throws invalidArgument with Docker's text. */
export function syslogFacility(facility: string | undefined): number {
  if (!facility) return facilities.indexOf('daemon');
  const number = /^\d+$/.test(facility) ? Number(facility) : facilities.indexOf(facility);
  if (number < 0 || number >= facilities.length) throw invalidArgument('invalid syslog facility');
  return number;
}

/** Where messages go. */
export type SyslogAddress =
  | { type: 'unix'; path: string; datagram: boolean }
  | { type: 'udp' | 'tcp' | 'tls'; host: string; port: number };

/** Reads option `syslog-address`; the local daemon when it is not given. Throws invalidArgument with Docker's texts. */
export function syslogAddress(address: string | undefined): SyslogAddress {
  if (!address) return { type: 'unix', path: '/dev/log', datagram: true };
  const match = /^(\w+(?:\+tls)?):\/\/(.+)$/.exec(address);
  if (!match) throw invalidArgument(`syslog-address should be in form proto://address, got ${address}`);
  const [, scheme = '', rest = ''] = match;
  if (scheme === 'unix' || scheme === 'unixgram') return { type: 'unix', path: rest, datagram: scheme === 'unixgram' };
  const types = { udp: 'udp', tcp: 'tcp', 'tcp+tls': 'tls' } as const;
  if (!Object.hasOwn(types, scheme)) throw invalidArgument(`syslog-address should be in form proto://address, got ${address}`);
  const place = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(rest);
  if (!place) throw invalidArgument(`address ${rest}: too many colons in address`);
  const host = place[1] ?? place[2] ?? '';
  return { type: types[scheme as keyof typeof types], host: host || 'localhost', port: Number(place[3] ?? 514) };
}
