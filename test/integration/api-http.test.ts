import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bodyStream } from '../../daemon/api/http/body.ts';
import { createDoor, type DoorDeps, type HttpDoor } from '../../daemon/api/http/door.ts';
import { openGate, type RequestGate } from '../../daemon/api/http/gate.ts';
import type { ApiRequest, Route } from '../../daemon/api/http/route.ts';
import { conflict, forbidden, internal, notFound, notModified } from '../../daemon/errors/error.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { registerAPIPlugin } from '../../hookplugins/index.ts';
import { hooksOf } from '../helpers/hooks.ts';
import { type CallOptions, call as send } from '../helpers/http.ts';
import { recordingLog } from '../helpers/recording-log.ts';
import { rejects } from '../helpers/rejects.ts';

const noTls = { verify: false, caFile: '', certFile: '', keyFile: '' };

interface OpenDoor extends AsyncDisposable {
  readonly dir: string;
  readonly socket: string;
  readonly door: HttpDoor;
  readonly log: ReturnType<typeof recordingLog>;
}

/** A door of a test's own on a unix socket, with the routes given. */
async function openDoor(routes: Route[], options: { plugins?: () => unknown; gate?: RequestGate } = {}): Promise<OpenDoor> {
  const dir = mkdtempSync(join(tmpdir(), 'door-'));
  const socket = join(dir, 'api.sock');
  const log = recordingLog();
  const hooks = await hooksOf(options.plugins ?? (() => undefined));
  const deps: DoorDeps = {
    hosts: [`unix://${socket}`],
    tls: noTls,
    group: () => 0,
    routes,
    hooks,
    gate: options.gate ?? openGate,
    log,
  };
  const door = createDoor(deps);
  await door.open();
  return {
    dir,
    socket,
    door,
    log,
    async [Symbol.asyncDispose]() {
      await door.close();
      rmSync(dir, { recursive: true });
    },
  };
}

const get = (path: string, handler: Route['handler']): Route => ({ method: 'GET', path, handler });
const post = (path: string, handler: Route['handler'], rawBody = false): Route => ({ method: 'POST', path, handler, rawBody });
const fail = (error: Error) => (): never => {
  throw error;
};

/** Writes bytes on a new connection and collects what comes, chunk by chunk. */
/** JSON ends with a newline, as Go's encoder writes it; the expectations here leave it out. */
async function call(socket: string, method: string, target: string, options?: CallOptions) {
  const answer = await send(socket, method, target, options);
  return { ...answer, text: answer.text.replace(/\n$/, '') };
}

function dial(socket: string, text: string): { socket: Socket; all: () => string; closed: Promise<unknown> } {
  const connection = connect({ path: socket, allowHalfOpen: true });
  const chunks: string[] = [];
  connection.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  connection.on('error', () => undefined); // 'close' tells
  connection.on('end', () => connection.end());
  connection.write(text);
  return { socket: connection, all: () => chunks.join(''), closed: once(connection, 'close') };
}

test('every answer has the headers that clients go by, and JSON is said to be exactly application/json', async () => {
  await using api = await openDoor([
    get('/object', () => ({ a: 1 })),
    get('/text', () => '[1,2]'),
    get('/sent', (_request, reply) => reply.code(203).send({ b: 2 })),
    post('/created', (_request, reply) => {
      reply.code(201);
      reply.header('X-Own', 'yes');
      return { Id: 'x' };
    }),
    post('/empty', (_request, reply) => void reply.code(204)),
    { method: 'HEAD', path: '/head', handler: (_request, reply) => void reply.header('X-Stat', 'abc') },
  ]);
  const cases: [string, string, number, string | undefined, string][] = [
    ['GET', '/object', 200, 'application/json', '{"a":1}'],
    ['GET', '/v1.41/text', 200, 'application/json', '[1,2]'],
    ['GET', '/sent', 203, 'application/json', '{"b":2}'],
    ['POST', '/v1.24/created', 201, 'application/json', '{"Id":"x"}'],
    ['POST', '/empty', 204, undefined, ''],
    ['HEAD', '/head', 200, undefined, ''],
    ['GET', '/_ping', 200, 'text/plain; charset=utf-8', 'OK'],
    ['HEAD', '/_ping', 200, 'text/plain; charset=utf-8', ''],
    ['GET', '/nothing', 404, 'application/json', '{"message":"page not found"}'],
    ['DELETE', '/object', 404, 'application/json', '{"message":"page not found"}'],
  ];
  for (const [method, path, status, type, text] of cases) {
    const answer = await call(api.socket, method, path);
    const { headers } = answer;
    assert.equal([answer.status, headers['content-type'], answer.text], [status, type, text], `${method} ${path}`);
    assert.equal(
      [
        headers['api-version'],
        headers['ostype'],
        headers['docker-experimental'],
        /^Docker\/\S+ \(linux\)$/.test(String(headers['server'])),
      ],
      ['1.44', 'linux', 'false', true],
      path,
    );
  }
  assert.is((await call(api.socket, 'HEAD', '/head')).headers['x-stat'], 'abc');
  assert.is((await call(api.socket, 'POST', '/created')).headers['x-own'], 'yes');
});

test("versions beyond what is spoken are refused with Docker's words, but only where there is a route", async () => {
  await using api = await openDoor([get('/v', (request) => request.apiVersion)]);
  const text = async (path: string) => (await call(api.socket, 'GET', path)).text;
  assert.equal(
    [await text('/v'), await text('/v1.30/v'), await text('/v1.99/v'), await text('/v1.2/v'), await text('/v1.99/x')],
    [
      '1.44',
      '1.30',
      '{"message":"client version 1.99 is too new. Maximum supported API version is 1.44"}',
      '{"message":"client version 1.2 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"}',
      '{"message":"page not found"}',
    ],
  );
});

test('errors become statuses by their kind; our own failures are logged once with the request, refusals only at debug', async () => {
  await using api = await openDoor([
    get('/missing', fail(notFound('No such container: web'))),
    get('/taken', fail(conflict('name in use'))),
    get('/denied', fail(forbidden('no'))),
    get('/same', fail(notModified('same'))),
    get('/broken', fail(new Error('boom'))),
    get('/inside', async () => Promise.reject(internal('deep', new Error('cause')))),
  ]);
  const seen: Record<string, [number, string]> = {};
  for (const path of ['/missing', '/taken', '/denied', '/same', '/broken', '/inside', '/%zz']) {
    const answer = await call(api.socket, 'GET', path);
    seen[path] = [answer.status, answer.text];
  }
  assert.equal(seen, {
    '/missing': [404, '{"message":"No such container: web"}'],
    '/taken': [409, '{"message":"name in use"}'],
    '/denied': [403, '{"message":"no"}'],
    '/same': [304, ''],
    '/broken': [500, '{"message":"boom"}'],
    '/inside': [500, '{"message":"deep"}'],
    '/%zz': [400, seen['/%zz']?.[1]],
  });
  const loud = api.log.lines.filter((line) => line.level === 'error' || line.level === 'warn');
  assert.equal(
    loud.map((line) => [line.message, line.fields['path'], typeof line.fields['request']]),
    [
      ['request failed', '/broken', 'string'],
      ['request failed', '/inside', 'string'],
    ],
  );
});

test('JSON bodies are taken with and without a content type; everything else is refused in words', async () => {
  await using api = await openDoor([
    post('/echo', (request) => ({ got: request.body === undefined ? 'nothing' : request.body })),
  ]);
  const json = { 'Content-Type': 'application/json' };
  const cases: [string, Record<string, string>, number, string][] = [
    ['{"a":1}', json, 200, '{"got":{"a":1}}'],
    ['{"a":1}', { 'Content-Type': 'application/json; charset=utf-8' }, 200, '{"got":{"a":1}}'],
    ['{"a":1}', {}, 200, '{"got":{"a":1}}'],
    ['', json, 200, '{"got":"nothing"}'],
    ['', {}, 200, '{"got":"nothing"}'],
    [
      '{"a":1}',
      { 'Content-Type': 'text/plain' },
      400,
      `{"message":"Content-Type specified (text/plain) must be 'application/json'"}`,
    ],
    ['{"a":', json, 400, '{"message":"invalid JSON: unexpected EOF"}'],
    ['nope', json, 400, `{"message":"invalid JSON: invalid character 'o' looking for beginning of value"}`],
    ['{"a":1}', { ...json, 'Transfer-Encoding': 'chunked' }, 200, '{"got":{"a":1}}'],
  ];
  for (const [body, headers, status, text] of cases) {
    const answer = await call(api.socket, 'POST', '/echo', { body, headers });
    assert.equal([answer.status, answer.text], [status, text], `${body} ${JSON.stringify(headers)}`);
  }
  const large = await call(api.socket, 'POST', '/echo', { body: JSON.stringify('x'.repeat(9 << 20)) });
  assert.is(large.status, 413);
});

test('raw bodies stream to the handler as they come', async () => {
  await using api = await openDoor([
    post(
      '/raw',
      async (request) => {
        let size = 0;
        for await (const chunk of bodyStream(request.raw)) size += (chunk as Buffer).length;
        return { size, parsed: request.body === undefined };
      },
      true,
    ),
  ]);
  const answer = await call(api.socket, 'POST', '/raw', {
    body: Buffer.alloc(12 << 20),
    headers: { 'Content-Type': 'application/x-tar' },
  });
  assert.equal(answer.json(), { size: 12 << 20, parsed: true });
});

const upgradeHeader = (path: string, extra = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${extra}\r\n`;

test('an upgrade runs through routing with its body; both directions are raw, and half-close keeps the output', async () => {
  await using api = await openDoor([
    post('/exec/:id/start', async (request, reply) => {
      const stream = await reply.upgrade({ multiplexed: true });
      stream.write(`${request.params['id']} ${JSON.stringify(request.body)} `);
      let input = '';
      for await (const chunk of stream) input += String(chunk);
      stream.end(`stdin:${input}`);
      return reply;
    }),
  ]);
  const body = '{"Tty":false}';
  const json = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  for (const [version, type] of [
    ['1.41', 'raw'],
    ['1.42', 'multiplexed'],
  ]) {
    const client = dial(api.socket, `${upgradeHeader(`/v${version}/exec/7/start`, json)}${body}early,`);
    await poll('the greeting', () => client.all().includes('7 {'), { timeoutMs: 10_000 });
    client.socket.write('late');
    client.socket.end();
    await client.closed;
    const [header = '', rest = ''] = client.all().split('\r\n\r\n');
    assert.match(header, /^HTTP\/1\.1 101 UPGRADED\r\n/);
    assert.ok(header.includes(`Content-Type: application/vnd.docker.${type}-stream`), header);
    assert.is(rest, '7 {"Tty":false} stdin:early,late');
  }
});

test('a refused upgrade is an ordinary answer', async () => {
  await using api = await openDoor([post('/attach', fail(conflict('container is paused')), true)]);
  for (const [path, status] of [
    ['/attach', 'HTTP/1.1 409 Conflict'],
    ['/nix', 'HTTP/1.1 404 Not Found'],
    ['/v1.99/attach', 'HTTP/1.1 400 Bad Request'],
  ]) {
    const client = dial(api.socket, upgradeHeader(path!));
    await client.closed;
    assert.ok(client.all().startsWith(status!), client.all());
    assert.ok(client.all().includes('{"message":'), client.all());
  }
});

test('a client that does not ask to upgrade gets the same stream as the body of a 200', async () => {
  await using api = await openDoor([
    post(
      '/attach',
      async (_request, reply) => {
        const stream = await reply.upgrade({ multiplexed: true, wantsBody: true });
        let input = '';
        for await (const chunk of stream) input += String(chunk);
        stream.write('one,');
        stream.end(`two,${input}`);
        return reply;
      },
      true,
    ),
  ]);
  const client = dial(api.socket, 'POST /v1.44/attach HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nstdin');
  await client.closed;
  const [header = '', rest] = client.all().split('\r\n\r\n');
  assert.match(header, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(header.includes('application/vnd.docker.raw-stream') && !/chunked|content-length/i.test(header), header);
  assert.is(rest, 'one,two,stdin');
});

test('20 MB go both ways through an upgrade without loss', async () => {
  await using api = await openDoor([
    post(
      '/cat',
      async (_request, reply) => {
        const stream = await reply.upgrade();
        stream.pipe(stream);
        await once(stream, 'close');
        return reply;
      },
      true,
    ),
  ]);
  const client = connect({ path: api.socket, allowHalfOpen: true });
  client.write(upgradeHeader('/cat'));
  await once(client, 'data');
  let received = 0;
  let wrong = 0;
  client.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += 997) if (chunk[at] !== (received + at) % 251) wrong += 1;
    received += chunk.length;
  });
  const total = 20 << 20;
  const data = Buffer.alloc(total);
  for (let at = 0; at < total; at += 1) data[at] = at % 251;
  client.end(data);
  await once(client, 'end');
  assert.equal([received, wrong], [total, 0]);
});

test('request.signal aborts when the client hangs up, in a plain request, a stream and an upgrade, and not after an answer', async () => {
  const aborted: string[] = [];
  const waiting: string[] = [];
  const watch = (request: ApiRequest, name: string): Promise<void> => {
    waiting.push(name);
    return new Promise((resolve) =>
      request.signal.addEventListener('abort', () => {
        aborted.push(name);
        resolve();
      }),
    );
  };
  await using api = await openDoor([
    get('/plain', (request) => watch(request, 'plain')),
    get('/stream', async (request, reply) => {
      reply.startStream('application/json').write('{}\n');
      await watch(request, 'stream');
    }),
    post(
      '/upgrade',
      async (request, reply) => {
        const stream = await reply.upgrade();
        const writing = setInterval(() => stream.write('.'), 5); // a half-close looks like a hang-up until somebody writes
        await watch(request, 'upgrade');
        clearInterval(writing);
      },
      true,
    ),
    get('/done', (request) => {
      request.signal.addEventListener('abort', () => aborted.push('done'));
      return {};
    }),
  ]);
  await call(api.socket, 'GET', '/done');
  for (const [name, text] of [
    ['plain', 'GET /plain HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['stream', 'GET /stream HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['upgrade', upgradeHeader('/upgrade')],
  ] as const) {
    const client = dial(api.socket, text);
    await poll(`${name} is handled`, () => waiting.includes(name), { timeoutMs: 10_000 });
    client.socket.destroy();
    await poll(`${name} is told`, () => aborted.includes(name), { timeoutMs: 10_000 });
  }
  assert.equal(aborted, ['plain', 'stream', 'upgrade']);
});

test('one connection may ping, go on to other requests, be upgraded, and send its requests in pieces or in one', async () => {
  await using api = await openDoor([
    get('/x', () => ({ x: 1 })),
    post(
      '/up',
      async (_request, reply) => {
        const stream = await reply.upgrade();
        stream.pipe(stream);
      },
      true,
    ),
  ]);
  const ping = 'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n';
  const client = dial(api.socket, ping);
  const count = (text: string): number => client.all().split(text).length - 1;
  await poll('the first ping', () => count('OK') > count('200 OK'), { timeoutMs: 10_000 });
  client.socket.write(ping.slice(0, 10));
  client.socket.write(`${ping.slice(10)}${ping}GET /x HTTP/1.1\r\nHost: x\r\n\r\n`);
  await poll('the object', () => client.all().endsWith('{"x":1}\n'), { timeoutMs: 10_000 });
  assert.equal([count('HTTP/1.1 200 OK'), count('\r\n\r\nOK'), count('Api-Version: 1.44')], [4, 3, 4]);
  client.socket.write(`${upgradeHeader('/up')}first`);
  await poll('the echo', () => client.all().endsWith('first'), { timeoutMs: 10_000 });
  client.socket.end('last');
  await client.closed;
  assert.ok(client.all().endsWith('firstlast'), client.all());
});

test('an error after the header of a stream cuts the connection instead of ending it well', async () => {
  await using api = await openDoor([
    get('/half', async (_request, reply) => {
      reply.startStream('application/json').write('{}\n');
      throw new Error('lost');
    }),
  ]);
  await rejects(call(api.socket, 'GET', '/half'), /aborted|hang up/);
  assert.is(api.log.lines.filter((line) => line.message === 'request failed').length, 1);
});

test('API plugins see requests and answers, may refuse, and may add, drop and wrap routes', async () => {
  const seen: string[] = [];
  const plugins = (): void =>
    registerAPIPlugin({
      id: 'watch',
      preRequest(one) {
        if (one.path === '/secret') throw forbidden('not for you');
        seen.push(`${one.method} ${one.path}?${one.query} ${one.version} ${one.client.address}`);
      },
      postResponse: (one, result) => void seen.push(`${one.path} ${result.status}`),
      updateHandler: (routes) => [
        ...routes
          .filter((one) => one.path !== '/dropped')
          .map((one) =>
            one.path === '/wrapped'
              ? {
                  method: one.method,
                  path: one.path,
                  handler: async (request: never, reply: never) => ({ inner: await one.handler(request, reply) }),
                }
              : one,
          ),
        { method: 'get', path: '/added', handler: (_request, reply) => reply.send({ added: true }) },
      ],
    });
  await using api = await openDoor(
    [get('/secret', () => 1), get('/dropped', () => 1), get('/wrapped', () => 7), get('/_ping', () => '"pong"')],
    { plugins },
  );
  const text = async (path: string) => (await call(api.socket, 'GET', path)).text;
  assert.equal(
    [await text('/v1.30/wrapped?x=1'), await text('/added'), await text('/dropped'), await text('/_ping')],
    ['{"inner":7}', '{"added":true}', '{"message":"page not found"}', '"pong"'],
  );
  const refused = await call(api.socket, 'GET', '/secret');
  assert.equal([refused.status, refused.text.includes('not for you')], [403, true]);
  await poll('answers are told', () => seen.filter((line) => /\d{3}$/.test(line)).length === 4, { timeoutMs: 10_000 });
  assert.ok(seen.includes('GET /wrapped?x=1 1.30 unix'), seen.join('\n'));
  assert.ok(seen.includes('/secret 403') && seen.includes('/wrapped 200'), seen.join('\n'));
});

test('a gate sees JSON bodies and answers, and its refusal takes their place', async () => {
  const seen: unknown[] = [];
  const gate: RequestGate = {
    isActive: true,
    async request(one, _raw, body) {
      seen.push([one.method, one.path, body?.toString()]);
      if (one.path === '/no') throw forbidden('authorization denied by plugin x: no');
    },
    async response(one, _raw, _body, answer) {
      seen.push([one.path, answer.status, answer.body?.toString()]);
      if (one.path === '/late') throw forbidden('authorization denied by plugin x: late');
    },
  };
  await using api = await openDoor(
    [
      post('/json', (request) => ({ got: request.body })),
      post('/raw', async (request) => (await Array.fromAsync(bodyStream(request.raw))).join(''), true),
      post('/no', () => 1),
      get('/late', () => 2),
    ],
    { gate },
  );
  const results = [
    await call(api.socket, 'POST', '/json', { body: { a: 1 } }),
    await call(api.socket, 'POST', '/raw', { body: { b: 2 } }),
    await call(api.socket, 'POST', '/no', { body: {} }),
    await call(api.socket, 'GET', '/late'),
    await call(api.socket, 'GET', '/nix'),
  ].map((one) => [one.status, one.text]);
  assert.equal(results, [
    [200, '{"got":{"a":1}}'],
    [200, '{"b":2}'],
    [403, '{"message":"authorization denied by plugin x: no"}'],
    [403, '{"message":"authorization denied by plugin x: late"}'],
    [404, '{"message":"page not found"}'],
  ]);
  assert.equal(seen.slice(0, 4), [
    ['POST', '/json', '{"a":1}'],
    ['/json', 200, '{"got":{"a":1}}\n'],
    ['POST', '/raw', '{"b":2}'],
    ['/raw', 200, '{"b":2}'],
  ]);
});

test('a unix socket is 0660, replaces what a crash left, and is refused while somebody answers on it', async () => {
  await using api = await openDoor([]);
  assert.is(statSync(api.socket).mode & 0o777, 0o660);
  const deps = {
    tls: noTls,
    group: () => 0,
    routes: [],
    hooks: await hooksOf(() => undefined),
    gate: openGate,
    log: recordingLog(),
  };
  await rejects(
    createDoor({ ...deps, hosts: [`unix://${api.socket}`] }).open(),
    `socket ${api.socket} is in use by another process`,
  );

  const stale = join(api.dir, 'stale.sock');
  writeFileSync(stale, 'not even a socket');
  const door = createDoor({ ...deps, hosts: [`unix://${stale}`] });
  await door.open();
  assert.is((await call(stale, 'GET', '/_ping')).text, 'OK');
  await door.close();
  assert.not(existsSync(stale));
});

test('tcp is open to this machine only, unless TLS protects it; a taken port is told', async () => {
  const deps = {
    tls: noTls,
    group: () => 0,
    routes: [],
    hooks: await hooksOf(() => undefined),
    gate: openGate,
    log: recordingLog(),
  };
  for (const host of ['tcp://0.0.0.0:0', 'tcp://:0', 'tcp://[::]:0']) {
    await rejects(createDoor({ ...deps, hosts: [host] }).open(), 'has no TLS: anyone could become root here');
  }
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  await rejects(createDoor({ ...deps, hosts: [`tcp://127.0.0.1:${port}`] }).open(), `tcp://127.0.0.1:${port} is in use`);
  taken.close();

  const door = createDoor({ ...deps, hosts: ['tcp://127.0.0.1:0'] });
  await door.open();
  const bound = Number(/:(\d+)$/.exec(door.addresses[0] ?? '')?.[1]);
  const status = await new Promise((resolve) =>
    httpRequest({ port: bound, path: '/_ping', agent: false }, (answer) => resolve(answer.resume().statusCode)).end(),
  );
  await door.close();
  assert.is(status, 200);
});

test('TLS with client certificates lets in who has one, and plugins learn the name', async () => {
  const file = (name: string): string => join(import.meta.dirname, '../fixtures/tls', name);
  const tls = { verify: true, caFile: file('ca.pem'), certFile: file('server.pem'), keyFile: file('server-key.pem') };
  const users: unknown[] = [];
  const hooks = await hooksOf(() =>
    registerAPIPlugin({ id: 'who', preRequest: (one) => void users.push([one.client.user, one.client.authMethod]) }),
  );
  const door = createDoor({
    tls,
    group: () => 0,
    routes: [get('/x', () => 1)],
    hooks,
    gate: openGate,
    log: recordingLog(),
    hosts: ['tcp://0.0.0.0:0'],
  });
  await door.open();
  const port = Number(/:(\d+)$/.exec(door.addresses[0] ?? '')?.[1]);
  const ask = (certificate: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        { host: '127.0.0.1', port, path: '/x', agent: false, ca: readFileSync(file('ca.pem')), ...certificate },
        (answer) => resolve(answer.resume().statusCode),
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
  const mine = { cert: readFileSync(file('client.pem')), key: readFileSync(file('client-key.pem')) };
  assert.is(await ask(mine), 200);
  await rejects(ask({}));
  await door.close();
  assert.equal(users, [['client', 'TLS']]);
});

test('closing lets a running request end and cuts what does not', async () => {
  const api = await openDoor([
    get('/slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { slow: true };
    }),
    get('/forever', async (request, reply) => {
      reply.startStream('application/json').write('{}\n');
      await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
    }),
  ]);
  const slow = call(api.socket, 'GET', '/slow');
  const forever = dial(api.socket, 'GET /forever HTTP/1.1\r\nHost: x\r\n\r\n');
  await poll('the stream runs', () => forever.all().includes('{}'), { timeoutMs: 10_000 });
  await api[Symbol.asyncDispose]();
  await forever.closed;
  assert.is((await slow).text, '{"slow":true}');
});

test.run();
