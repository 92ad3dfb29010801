// Runs a bundle under plain Node, as loader.cjs does inside the executable, for `make dev`: dev-run.cjs BUNDLE PLUGINS ARG...
'use strict';
const { createRequire } = require('node:module');
const path = require('node:path');

const [, , bundle, plugins, ...args] = process.argv;
const { version } = require('../package.json');
process.argv = [process.execPath, process.execPath, ...args];
globalThis[Symbol.for('pouchd.build')] = {
  version: `${version}-dev`,
  apiVersion: 1,
  program: 'pouchd',
  plugins: JSON.parse(plugins),
};
createRequire(path.resolve(bundle))(path.resolve(bundle));
