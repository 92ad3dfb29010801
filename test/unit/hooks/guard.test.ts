import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const run = promisify(execFile);
const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** A process of its own: what is tested is what would end it. */
const script = (body: string) => `
  const { hooksOf } = await import(${here('../../helpers/hooks.ts')});
  const { guardProcess } = await import(${here('../../../daemon/hooks/guard.ts')});
  const api = await import(${here('../../../hookplugins/index.ts')});
  const hooks = await hooksOf(() => api.withPackage({ name: 'leaky', version: '1.0.0' }, () => api.registerDaemonPlugin({
    preStartHook() { ${body} },
  })));
  guardProcess(hooks, hooks.log, (error) => { console.log('fatal ' + error.message); process.exit(3); });
  await hooks.run('daemon.preStartHook');
  const lines = () => hooks.log.lines.map((line) => [line.message, line.fields.plugin, line.fields.point, line.fields.error.message].filter(Boolean).join(' | '));
`;
const awaitLine = `
  const started = Date.now();
  while (hooks.log.lines.length === 0 && Date.now() - started < 10_000) await new Promise((resolve) => setTimeout(resolve, 1));
  console.log(JSON.stringify([lines(), hooks.stats()[0].leaks]));
`;
const outputOf = async (code: string) => (await run(process.execPath, ['--input-type=module', '--eval', code])).stdout.trim();

const leaks: [string, string, string][] = [
  ['rejection that nobody handles', `void Promise.reject(new Error('lost'))`, 'lost'],
  [
    'rejection some time after it answered',
    `void (async () => { await new Promise((r) => setTimeout(r, 1)); throw new Error('later'); })()`,
    'later',
  ],
  ['throw from a timer', `setTimeout(() => { throw new Error('timer'); }, 1)`, 'timer'],
];
for (const [what, body, message] of leaks) {
  test(`a plugin's ${what} is survived, counted, and told with the plugin's name`, async () => {
    const [lines, count] = JSON.parse(await outputOf(script(body) + awaitLine));
    assert.equal(lines, [`plugin leaked an error | leaky (leaky@1.0.0) | daemon.preStartHook | ${message}`]);
    assert.is(count, 1);
  });
}

test('a stray rejection of the daemon itself is told and survived; an uncaught exception of its own is fatal', async () => {
  const [lines, count] = JSON.parse(await outputOf(`${script('')} void Promise.reject(new Error('ours')); ${awaitLine}`));
  assert.equal([lines, count], [['unhandled rejection | ours'], 0]);
  const failed = await outputOf(`${script('')} setTimeout(() => { throw new Error('ours'); }, 1);`).then(
    () => assert.unreachable(),
    (error: { code: number; stdout: string }) => error,
  );
  assert.equal([failed?.code, failed?.stdout.trim()], [3, 'fatal ours']);
});

test.run();
