import { pack } from 'tar-stream';
import type { Row } from './row.ts';

const exec = (body: object): Row => ['POST', '/containers/run/exec', body, { save: 'exec' }];
const start = (body: unknown, options: Row[3] = {}): Row => ['POST', '/exec/{exec}/start', body, options];
const tell: Row = ['GET', '/exec/{exec}/json', undefined, { until: (body) => !(body as { Running?: boolean }).Running }];
const at = (path: string, more = '') => `/containers/run/archive?path=${encodeURIComponent(path)}${more}`;
const logs = (query: string): Row => ['GET', `/containers/run/logs?${query}`];

async function tar(): Promise<Buffer> {
  const made = pack();
  made.entry({ name: 'from/client', mtime: new Date(0) }, 'text');
  made.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of made) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Execs, logs, attach, resize and archives of a running and of a stopped container. */
export async function processRows(): Promise<Row[]> {
  const body = await tar();
  return [
    [
      'POST',
      '/containers/create?name=run',
      { Image: 'busybox', Cmd: ['sh', '-c', 'echo one; echo two; echo three; exec sleep 1000'] },
    ],
    ['POST', '/containers/create?name=tty', { Image: 'busybox', Tty: true, OpenStdin: true, Cmd: ['cat'] }],
    ['POST', '/containers/run/start'],
    ['POST', '/containers/tty/start'],
    ['GET', '/containers/run/logs?stdout=1', undefined, { until: (text) => JSON.stringify(text).includes('three') }],
    ['POST', '/containers/run/exec', {}],
    ['POST', '/containers/run/exec', { Cmd: [] }],
    ['POST', '/containers/run/exec', { Cmd: 'true' }],
    ['POST', '/containers/run/exec', { Cmd: 5 }],
    exec({ Cmd: ['sh', '-c', 'echo hi; exit 3'], AttachStdout: true, AttachStderr: true }),
    tell,
    start({}),
    tell,
    exec({ Cmd: ['echo', 'hi'], AttachStdout: true }),
    start({}, { stdin: '' }),
    exec({ Cmd: ['echo', 'hi'], AttachStdout: true, Tty: true }),
    start({ Tty: true }, { stdin: '' }),
    exec({ Cmd: ['sh', '-c', 'echo to-err >&2'], AttachStderr: true }),
    start({}),
    exec({ Cmd: ['id'], User: 'nobody', AttachStdout: true }),
    start({}),
    exec({ Cmd: ['id'], User: '1:2', AttachStdout: true }),
    start({}),
    exec({ Cmd: ['env'], Env: ['A=1', 'EMPTY='], AttachStdout: true }),
    start({}),
    exec({ Cmd: ['pwd'], WorkingDir: '/tmp', AttachStdout: true }),
    start({}),
    exec({ Cmd: ['true'] }),
    start({ Detach: true }),
    tell,
    exec({ Cmd: ['sleep', '100'] }),
    start({ Detach: true }),
    ['GET', '/exec/{exec}/json'],
    logs('stdout=1'),
    logs('stderr=1'),
    logs('stdout=1&timestamps=1'),
    logs('stdout=1&tail=1'),
    logs('stdout=1&tail=0'),
    logs('stdout=1&tail=x'),
    logs('stdout=1&tail=-1'),
    logs('stdout=1&tail=all'),
    logs('stdout=1&since=1'),
    logs('stdout=1&until=1'),
    logs('stdout=1&since=9999999999'),
    logs('stdout=1&details=1'),
    logs('stdout=0'),
    logs(''),
    ['POST', '/containers/run/attach?logs=1&stdout=1'],
    ['POST', '/containers/run/attach?logs=1'],
    ['POST', '/containers/run/attach'],
    ['POST', '/containers/run/attach?stream=0&stdout=1'],
    ['POST', '/containers/tty/resize?h=10&w=20'],
    ['POST', '/containers/tty/resize?h=x&w=20'],
    ['POST', '/containers/tty/resize'],
    ...['/', '/etc', '/etc/passwd', '/nope', 'etc/passwd', '/bin/sh', '/../etc/passwd', '/etc/.', '/tmp'].flatMap(
      (path): Row[] => [
        ['HEAD', at(path)],
        ['GET', at(path)],
      ],
    ),
    ['GET', '/containers/run/archive'],
    ['PUT', at('/tmp'), body],
    ['PUT', at('/tmp'), body, { isChunked: true }],
    ['PUT', at('/tmp'), body, { headers: { Expect: '100-continue' } }],
    ['PUT', at('/nope'), body],
    ['PUT', at('/etc/passwd'), body],
    ['HEAD', at('/tmp/from/client')],
    ['GET', '/containers/run/changes', undefined, { isUnordered: true }],
    ['POST', '/containers/run/kill'],
    ['POST', '/containers/run/wait'],
    ['GET', '/containers/run/json'],
    logs('stdout=1'),
    logs('stdout=1&follow=1'),
    ['POST', '/containers/run/attach?logs=1&stdout=1'],
    ['HEAD', at('/etc/passwd')],
    ['GET', at('/etc/passwd')],
    ['PUT', at('/tmp'), body],
    ['GET', '/containers/run/stats?stream=0'],
    ['DELETE', '/containers/run'],
    ['DELETE', '/containers/tty?force=1'],
  ];
}
