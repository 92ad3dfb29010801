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
  require('node:fs').writeSync(
    1,
    `${program} version ${info.version} (plugin API ${info.apiVersion}, node ${process.versions.node})\n`,
  );
} else {
  run(args.length === 1 && args[0] === '--build-info');
}

/**
 * Bundle and code cache stand behind the last loaded byte of this file (build/stages/link.ts), then their two sizes. They are read, not mapped: what is mapped and was
 * touched once stays resident for the daemon's whole life.
 */
function readTail() {
  const fs = require('node:fs');
  const file = fs.openSync('/proc/self/exe', 'r');
  try {
    const { size } = fs.fstatSync(file);
    const read = (length, at) => {
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length; ) {
        const count = fs.readSync(file, bytes, done, length - done, at + done);
        if (count === 0) throw new Error('the executable was cut short');
        done += count;
      }
      return bytes;
    };
    const sizes = read(8, size - 8);
    const bundleSize = sizes.readUInt32LE(0);
    const cacheSize = sizes.readUInt32LE(4);
    const cacheAt = size - 8 - cacheSize;
    return {
      source: read(bundleSize, cacheAt - bundleSize).latin1Slice(), // esbuild writes ASCII
      cachedData: cacheSize > 0 ? read(cacheSize, cacheAt) : undefined,
    };
  } finally {
    fs.closeSync(file);
  }
}

function run(isInfo) {
  const vm = require('node:vm');
  const { createRequire } = require('node:module');
  const { source, cachedData } = readTail();
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
