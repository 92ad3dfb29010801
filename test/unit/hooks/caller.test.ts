import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noHooks } from '../../../daemon/hooks/caller.ts';
import * as api from '../../../hookplugins/index.ts';
import { hooksOf } from '../../helpers/hooks.ts';
import { recordingLog } from '../../helpers/recording-log.ts';
import { rejects } from '../../helpers/rejects.ts';

const inPackage = (name: string, body: () => void, more: Partial<api.PluginPackage> = {}) =>
  void api.withPackage({ name, version: '1.0.0', ...more }, body);
const container = { Id: 'c1', Name: 'web', Created: '', Image: 'sha256:1', Config: {}, HostConfig: {} };
const entry = (priority: number) => ({ priority, path: '/bin/true', args: ['true'] });

test('each: all plugins are called in order, async ones awaited, and may change the argument in place', async () => {
  const hooks = await hooksOf(() => {
    inPackage('one', () => api.registerContainerPlugin({ preCreate: (config) => void config.Env?.push('ONE=1') }));
    inPackage('two', () =>
      api.registerContainerPlugin({
        async preCreate(config) {
          await sleep(1);
          config.Env?.push('TWO=2');
        },
      }),
    );
    inPackage('three', () => api.registerContainerPlugin({ preCreate: (config) => void config.Env?.push('THREE=3') }));
  });
  const config = { Env: [] as string[] };
  await hooks.run('container.preCreate', config);
  assert.equal(config.Env, ['ONE=1', 'TWO=2', 'THREE=3']);
});

test('collect: results come in order with their plugin; nothing returned adds nothing', async () => {
  const hooks = await hooksOf(() => {
    inPackage('one', () => api.registerContainerPlugin({ preStart: () => [entry(10)] }));
    inPackage('two', () => api.registerContainerPlugin({ preStart: () => undefined as never }));
    inPackage('three', () => api.registerContainerPlugin({ preStart: async () => [entry(-4)] }));
  });
  const results = await hooks.collect('container.preStart', container);
  assert.equal(
    results.map(({ plugin, value }) => [plugin.id, value.map((one) => one.priority)]),
    [
      ['one', [10]],
      ['three', [-4]],
    ],
  );
});

test('chain: the value goes from plugin to plugin; nothing returned leaves it', async () => {
  const hooks = await hooksOf(() => {
    inPackage('one', () => api.registerImagePlugin({ prePull: (reference) => reference.replace('docker.io', 'mirror.local') }));
    inPackage('two', () => api.registerImagePlugin({ prePull: () => undefined as never }));
    inPackage('three', () => api.registerImagePlugin({ prePull: async (reference) => `${reference}@pinned` }));
    inPackage('four', () => api.registerContainerPlugin({ preUpdate: (body) => Readable.from([body.read(), '!']) }));
  });
  assert.is(await hooks.chain('image.prePull', 'docker.io/busybox'), 'mirror.local/busybox@pinned');
  const body = await hooks.chain('container.preUpdate', Readable.from(['hello']));
  assert.is((await body.toArray()).filter(Boolean).at(-1), '!');
});

test('a point without plugins does nothing and gives back what it got', async () => {
  assert.is(noHooks.has('container.preCreate'), false);
  assert.is(noHooks.run('container.preCreate', {}), noHooks.run('container.postStart', container)); // one promise for all
  assert.equal(await noHooks.collect('container.preStart', container), []);
  assert.is(await noHooks.chain('image.prePull', 'x'), 'x');
});

test('the context has plugin, config, log and a signal', async () => {
  const contexts: api.HookContext[] = [];
  const hooks = await hooksOf(
    () => inPackage('@acme/x', () => api.registerDaemonPlugin({ preStartHook: (ctx) => void contexts.push(ctx) })),
    {
      plugins: { '@acme/x': { colour: 'red' } },
    },
  );
  await hooks.run('daemon.preStartHook');
  const seen = contexts[0];
  assert.equal(seen?.plugin, { id: '@acme/x', package: '@acme/x', version: '1.0.0' });
  assert.equal(seen?.config, { colour: 'red' });
  assert.is(seen?.signal.aborted, false);
  seen?.log.info('hello', { a: 1 });
  assert.equal(hooks.log.lines.at(-1), { level: 'info', message: 'hello', fields: { a: 1 } });
});

test('a method is called on its plugin, so this is the plugin', async () => {
  class Counter {
    #calls = 0;
    preStartHook() {
      this.#calls += 1;
      if (this.#calls > 1) throw new Error(`call ${this.#calls}`);
    }
  }
  const hooks = await hooksOf(() => inPackage('counter', () => api.registerDaemonPlugin(new Counter())));
  await hooks.run('daemon.preStartHook');
  await rejects(hooks.run('daemon.preStartHook'), /call 2/);
});

const thrown: [string, () => unknown, string, RegExp][] = [
  [
    'invalidArgument',
    () => api.invalidArgument('bad'),
    'invalidArgument',
    /^plugin p \(p@1\.0\.0\) at container\.preCreate: bad$/,
  ],
  ['forbidden', () => api.forbidden('no'), 'forbidden', /: no$/],
  ['notFound', () => api.notFound('gone'), 'notFound', /: gone$/],
  ['conflict', () => api.conflict('taken'), 'conflict', /: taken$/],
  ['an ordinary error', () => new TypeError('x is not a function'), 'internal', /: x is not a function$/],
  [
    'an error of another copy of the API',
    () => Object.assign(new Error('theirs'), { kind: 'forbidden' }),
    'forbidden',
    /: theirs$/,
  ],
  ['a kind that plugins cannot choose', () => Object.assign(new Error('304?'), { kind: 'notModified' }), 'internal', /: 304\?$/],
  ['a string', () => 'just text', 'internal', /: just text$/],
  ['undefined', () => undefined, 'internal', /: undefined$/],
  [
    'what cannot be told',
    () => new Proxy({}, { get: () => assert.unreachable() }),
    'internal',
    /threw something that cannot be told/,
  ],
];
for (const [what, make, kind, message] of thrown) {
  for (const style of ['throws', 'rejects with'] as const) {
    test(`a plugin that ${style} ${what}: ${kind}, naming plugin and point`, async () => {
      const preCreate =
        style === 'throws'
          ? () => {
              throw make();
            }
          : () => Promise.reject(make());
      const hooks = await hooksOf(() => inPackage('p', () => api.registerContainerPlugin({ id: 'p', preCreate })));
      const error = await rejects(hooks.run('container.preCreate', {}), message);
      assert.is(error.kind, kind);
      assert.equal([hooks.stats()[0]?.calls, hooks.stats()[0]?.failures], [1, 1]);
    });
  }
}

test('policy abort ends the chain at the first failure; policy log goes on with the next', async () => {
  const calls: string[] = [];
  const hooks = await hooksOf(() => {
    inPackage('bad', () =>
      api.registerContainerPlugin({
        preCreate: () => Promise.reject(new Error('boom')),
        postStart: () => Promise.reject(new Error('boom')),
      }),
    );
    inPackage('next', () =>
      api.registerContainerPlugin({ preCreate: () => void calls.push('create'), postStart: () => void calls.push('start') }),
    );
  });
  await rejects(hooks.run('container.preCreate', {}), /plugin bad \(bad@1\.0\.0\) at container\.preCreate: boom/);
  await hooks.run('container.postStart', container);
  assert.equal(calls, ['start']);
  assert.equal(
    hooks.log.lines.map((line) => [line.level, line.message, line.fields['plugin'], line.fields['point']]),
    [['error', 'plugin failed', 'bad (bad@1.0.0)', 'container.postStart']],
  );
});

test('a plugin that never answers runs out of time, sees its signal aborted, and the next call goes through', async () => {
  let signal: AbortSignal | undefined;
  let calls = 0;
  const hooks = await hooksOf(
    () =>
      inPackage('slow', () =>
        api.registerContainerPlugin({
          preCreate(_config, ctx) {
            calls += 1;
            if (calls > 1) return undefined;
            signal = ctx.signal;
            return new Promise<void>(() => {});
          },
        }),
      ),
    { plugins: { slow: { timeoutMs: 10 } } },
  );
  const error = await rejects(
    hooks.run('container.preCreate', {}),
    /plugin slow \(slow@1\.0\.0\) at container\.preCreate: no answer within 10 ms/,
  );
  assert.is(error.kind, 'deadlineExceeded');
  assert.is(signal?.aborted, true);
  await hooks.run('container.preCreate', {});
  const { calls: counted, failures, timeouts } = hooks.stats()[0]!;
  assert.equal({ counted, failures, timeouts }, { counted: 2, failures: 1, timeouts: 1 });
});

test('a rejection after the time limit is counted and told, and nothing else happens', async () => {
  const late = Promise.withResolvers<void>();
  const hooks = await hooksOf(() => inPackage('slow', () => api.registerContainerPlugin({ postStart: () => late.promise })), {
    plugins: { slow: { timeoutMs: 5 } },
  });
  await hooks.run('container.postStart', container);
  late.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(hooks.stats()[0]?.leaks, 1);
  assert.equal(hooks.log.lines.at(-1)?.message, 'plugin failed after its time limit');
});

const nonsense: [string, (hooks: Awaited<ReturnType<typeof hooksOf>>) => Promise<unknown>, RegExp][] = [
  [
    'a number for a stream',
    (hooks) => hooks.chain('container.preUpdate', Readable.from([])),
    /at container\.preUpdate: returned 7, expected a Readable stream/,
  ],
  [
    'a number for a reference',
    (hooks) => hooks.chain('image.prePull', 'x'),
    /at image\.prePull: returned 7, expected an image reference/,
  ],
  [
    'a relative path for an entry',
    (hooks) => hooks.collect('container.preStart', container),
    /returned \[\{"priority":1,"path":"x","args":\[\]\}\], expected an array of \{ priority/,
  ],
  [
    'a handler without method',
    (hooks) => hooks.chain('api.updateHandler', []),
    /returned \[\{"path":"\/x"\}\], expected an array of \{ method, path, handler \}/,
  ],
];
test('nonsense results are refused, telling what was returned and what is expected', async () => {
  const hooks = await hooksOf(() =>
    inPackage('odd', () => {
      api.registerContainerPlugin({ preUpdate: () => 7 as never, preStart: () => [{ priority: 1, path: 'x', args: [] }] });
      api.registerImagePlugin({ prePull: () => 7 as never });
      api.registerAPIPlugin({ updateHandler: () => [{ path: '/x' }] as never });
      api.registerDaemonPlugin({ health: () => 'fine' as never });
    }),
  );
  for (const [, call, message] of nonsense) await rejects(call(hooks), message);
  assert.equal(await hooks.collect('daemon.health'), []); // policy log: told and left out
  assert.match(
    String(hooks.log.lines.at(-1)?.fields['error']),
    /returned fine, expected an array of \{ name\?, healthy, message\? \}/,
  );
});

test('a thenable whose then throws, and a result whose getters throw, are failures like any other', async () => {
  const trap = () => {
    throw new Error('trap');
  };
  const thenable = Object.defineProperty({}, 'then', { get: trap });
  const evil = new Proxy([], { get: trap });
  const hooks = await hooksOf(() =>
    inPackage('odd', () => {
      api.registerContainerPlugin({ preCreate: () => thenable as never });
      api.registerDaemonPlugin({ health: () => evil as never });
    }),
  );
  await rejects(hooks.run('container.preCreate', {}), /at container\.preCreate: trap/);
  assert.equal(await hooks.collect('daemon.health'), []);
});

test('withSignal lets plugins see that the request was cancelled, and still waits for them', async () => {
  const request = new AbortController();
  let sawAbort = false;
  const hooks = await hooksOf(() =>
    inPackage('p', () =>
      api.registerContainerPlugin({
        async preCreate(_config, ctx) {
          ctx.signal.addEventListener('abort', () => {
            sawAbort = true;
          });
          request.abort();
          await Promise.resolve();
        },
      }),
    ),
  );
  await hooks.withSignal(request.signal).run('container.preCreate', {});
  assert.is(sawAbort, true);
});

test('an optional package whose preStartHook fails is left out, with all its plugins; another one stops the start', async () => {
  const calls: string[] = [];
  const hooks = await hooksOf(() => {
    const body = () => {
      api.registerDaemonPlugin({ preStartHook: () => Promise.reject(new Error('no socket')) });
      api.registerContainerPlugin({ preCreate: () => void calls.push('created') });
    };
    inPackage('maybe', body, { optional: true });
    inPackage('after', () => api.registerDaemonPlugin({ preStartHook: () => void calls.push('after') }));
  });
  await hooks.run('daemon.preStartHook');
  await hooks.run('container.preCreate', {});
  assert.equal(calls, ['after']);
  assert.equal(
    hooks.plugins().map((one) => [one.id, one.kind, one.enabled, one.error?.replace(/.*: /, '')]),
    [
      ['maybe', 'daemon', false, 'no socket'],
      ['maybe', 'container', false, 'no socket'],
      ['after', 'daemon', true, undefined],
    ],
  );
  const strict = await hooksOf(() =>
    inPackage('must', () => api.registerDaemonPlugin({ preStartHook: () => Promise.reject(new Error('no socket')) })),
  );
  await rejects(strict.run('daemon.preStartHook'), /plugin must \(must@1\.0\.0\) at daemon\.preStartHook: no socket/);
});

test('order: hints of the plugin and of its package decide, per kind', async () => {
  const hooks = await hooksOf(() => {
    inPackage('late', () => api.registerContainerPlugin({ preCreate() {} }), { order: { after: ['early'] } });
    inPackage('mid', () => api.registerContainerPlugin({ preCreate() {} }));
    inPackage('early', () => api.registerContainerPlugin({ priority: -5, preCreate() {} }), { order: { priority: 100 } });
  });
  assert.equal(
    hooks.order('container.preCreate').map((one) => one.id),
    ['mid', 'early', 'late'],
  );
  assert.equal(hooks.order('container.postStart'), []);
});

test('stats: calls, quantiles and cumulative buckets per plugin and point', async () => {
  const hooks = await hooksOf(() =>
    inPackage('p', () => api.registerContainerPlugin({ preCreate() {}, postStart: () => Promise.reject(new Error('x')) })),
  );
  for (let n = 0; n < 10; n += 1) await hooks.run('container.preCreate', {});
  await hooks.run('container.postStart', container);
  const [create, start] = hooks.stats();
  assert.equal(
    [create?.point, create?.calls, create?.failures, start?.point, start?.calls, start?.failures],
    ['container.preCreate', 10, 0, 'container.postStart', 1, 1],
  );
  assert.ok(create!.p50Ms > 0 && create!.p99Ms >= create!.p50Ms);
  assert.equal(create?.buckets.at(-1), { leMs: Number.POSITIVE_INFINITY, count: 10 });
});

test('trace: finished calls come live until the signal ends it, with their outcome', async () => {
  const hooks = await hooksOf(() =>
    inPackage('p', () => api.registerContainerPlugin({ preCreate() {}, postStart: () => Promise.reject(new Error('x')) })),
  );
  await hooks.run('container.preCreate', {}); // nobody listens yet
  const stop = new AbortController();
  const calls = hooks.trace(stop.signal);
  await hooks.run('container.preCreate', {});
  await hooks.run('container.postStart', container);
  const seen: string[] = [];
  for await (const call of calls) {
    seen.push(`${call.id} ${call.point} ${call.outcome} ${call.error ?? ''}`.trim());
    if (seen.length === 2) stop.abort();
  }
  assert.equal(seen, ['p container.preCreate ok', 'p container.postStart error plugin p (p@1.0.0) at container.postStart: x']);
});

test('trace: a slow reader loses the oldest and is told how many', async () => {
  const hooks = await hooksOf(() => inPackage('p', () => api.registerContainerPlugin({ preCreate() {} })));
  const calls = hooks.trace()[Symbol.asyncIterator]();
  for (let n = 0; n < 1_005; n += 1) await hooks.run('container.preCreate', {});
  const first = await calls.next();
  assert.is(first.value?.dropped, 5);
  assert.is((await calls.next()).value?.dropped, undefined);
  await calls.return?.();
});

const conflicts = () => {
  inPackage('one', () =>
    api.registerContainerPlugin({
      preCreate: (config) => void Object.assign(config, { HostConfig: { Memory: 1 }, Env: ['A=1', 'B=1'] }),
    }),
  );
  inPackage('two', () => api.registerContainerPlugin({ preCreate: (config) => void config.Env?.push('C=1') }));
  inPackage('three', () =>
    api.registerContainerPlugin({ preCreate: (config) => void Object.assign(config.HostConfig ?? {}, { Memory: 2 }) }),
  );
};

test('conflicts: "error" refuses a request in which two plugins change one field, naming both', async () => {
  const hooks = await hooksOf(conflicts, { hooks: { conflicts: 'error' } });
  const text = /plugins one \(one@1\.0\.0\) and three \(three@1\.0\.0\) both change HostConfig\.Memory at container\.preCreate/;
  assert.is((await rejects(hooks.run('container.preCreate', {}), text)).kind, 'conflict');
});

test('conflicts are told at debug, and adding to one list is none', async () => {
  const log = recordingLog();
  const hooks = await hooksOf(conflicts, { debug: true }, log);
  await hooks.run('container.preCreate', {});
  assert.equal(
    log.lines.map((line) => [line.level, line.fields['field'], line.fields['first'], line.fields['second']]),
    [['debug', 'HostConfig.Memory', 'one (one@1.0.0)', 'three (three@1.0.0)']],
  );
});

test.run();
