// The main module of the executable: answers --version before anything is loaded, then runs the bundle with its code cache.
// It runs as CommonJS inside the executable, where require() knows Node's own modules only; it is not bundled.
'use strict';
const sea = require('node:sea');

const info = JSON.parse(sea.getAsset('info.json', 'utf8'));
const program = /(^|\/)pouch$/.test(process.argv0) ? 'pouch' : 'pouchd';
const args = process.argv.slice(2);

if (process.env.NODE_CHANNEL_FD) {
  process.stderr.write('pouchd was started as a forked child: a plugin called fork(), which would go on without end\n');
  process.exit(1);
} else if (args.length === 1 && args[0] === '--version') {
  process.stdout.write(`${program} version ${info.version} (plugin API ${info.apiVersion}, node ${process.versions.node})\n`);
} else {
  run(args.length === 1 && args[0] === '--build-info');
}

function run(isInfo) {
  const vm = require('node:vm');
  const { createRequire } = require('node:module');
  const source = Buffer.from(sea.getRawAsset('pouchd.js')).latin1Slice(); // esbuild writes ASCII
  const cachedData = info.hasCache ? new Uint8Array(sea.getRawAsset('pouchd.cache')) : undefined;
  const script = new vm.Script(source, {
    filename: 'pouchd.js',
    cachedData,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  if (isInfo) {
    process.stdout.write(`${JSON.stringify({ ...info, cacheRejected: script.cachedDataRejected ?? null })}\n`);
    return;
  }
  globalThis[Symbol.for('pouchd.build')] = { version: info.version, apiVersion: info.apiVersion, program, plugins: info.plugins };
  const module = { exports: {} };
  script.runInThisContext()(
    module.exports,
    createRequire(process.execPath),
    module,
    process.execPath,
    require('node:path').dirname(process.execPath),
  );
}
