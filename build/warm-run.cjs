// Runs the bundle once, listening only, and writes the code that V8 has compiled by then, and what was registered by whom.
// Started by stages/warm.ts as `node FLAGS warm-run.cjs BUNDLE OUT DIR`; it must compile the bundle exactly as loader.cjs does.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const vm = require('node:vm');
const { createRequire, SourceMap } = require('node:module');

// Two builds must be alike: what depends on the hour or on who else runs must not decide which code is compiled. Timers that wait for
// something to be late never fire, and there are no other processes to be looked through.
const timeout = globalThis.setTimeout;
globalThis.setTimeout = (run, ms, ...rest) => timeout(run, ms >= 50 ? 2 ** 31 - 1 : ms, ...rest);
globalThis.setInterval = (run, _ms, ...rest) => timeout(run, 2 ** 31 - 1, ...rest);
const { readdirSync } = fs;
const { readdir } = fs.promises;
fs.readdirSync = (dir, ...rest) => (dir === '/proc' ? [] : readdirSync(dir, ...rest));
fs.promises.readdir = async (dir, ...rest) => (dir === '/proc' ? [] : readdir(dir, ...rest));

const [, , bundle, out, dir, infoText] = process.argv;
const info = JSON.parse(infoText);
const source = fs.readFileSync(bundle, 'latin1');
const script = new vm.Script(source, {
  filename: 'pouchd.js',
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});

globalThis[Symbol.for('pouchd.build')] = {
  version: info.version,
  apiVersion: info.apiVersion,
  program: 'pouchd',
  plugins: info.plugins,
};
globalThis[Symbol.for('pouchd.warm')] = ({ socket }) => {
  // the first requests of every client: what they run is compiled then, and so is in the cache
  void touch(socket, ['/_ping', '/v1.44/version', '/v1.44/containers/json', '/v1.44/nothing-there']).then(keep);
};

async function touch(socketPath, paths) {
  for (const path of paths) {
    await new Promise((resolve) => {
      const request = http.get({ socketPath, path, agent: false }, (answer) => answer.resume().on('close', resolve));
      request.on('error', resolve); // the daemon's own tests judge its answers
    });
  }
}

function keep() {
  fs.writeFileSync(`${out}.cache`, script.createCachedData());
  const registry = globalThis[Symbol.for('pouchd.registry.v1')];
  const rows = (registry?.registrations ?? []).map(({ type, id, package: owner }) => ({ type, id, package: owner?.name }));
  fs.writeFileSync(`${out}.json`, JSON.stringify(rows));
  process.exit(0);
}

globalThis[Symbol.for('pouchd.warm.failed')] = (plugin, error) => {
  const failure = { package: `${plugin.name}@${plugin.version}`, message: String(error?.message ?? error), ...placeOf(error) };
  fs.writeFileSync(`${out}.failed.json`, JSON.stringify(failure));
};
timeout(() => {
  process.stderr.write('the daemon did not say that it listens within 20 s (see build/contract.md)\n');
  process.exit(70);
}, 20_000).unref();

process.argv = [
  process.execPath,
  process.execPath,
  '--root',
  `${dir}/root`,
  '--state',
  `${dir}/state`,
  '-H',
  `unix://${dir}/warm.sock`,
];
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, createRequire(process.execPath), module_, process.execPath, dir);

/** Where the error was thrown, told by the bundle's source map; file is relative to the map. */
function placeOf(error) {
  const at = /pouchd\.js:(\d+):(\d+)/.exec(error?.stack ?? '');
  if (!at) return {};
  const map = new SourceMap(JSON.parse(fs.readFileSync(`${bundle}.map`, 'utf8')));
  const entry = map.findEntry(Number(at[1]) - 1, Number(at[2]) - 1);
  return entry.originalSource
    ? { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
    : {};
}
