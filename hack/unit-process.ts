// Runs unit test files one after another in this process, each as if it were alone: a fresh uvu queue, its own summary, its own time
// limit. `#file NAME` and `#end` frame each file's output for run-tests.ts. A file that fails to load prints its error and no summary.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

declare global {
  var UVU_DEFER: number;
  var UVU_INDEX: number;
  var UVU_QUEUE: unknown[][];
}

globalThis.UVU_DEFER = 1; // before uvu loads, or it runs by itself
const { exec } = await import('uvu');
const queue = globalThis.UVU_QUEUE;
const limitMs = 30_000;

let current = '';
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    console.log(`${event} in ${current}: ${error instanceof Error ? error.stack : String(error)}`);
    process.exit(1);
  });
}

for (const file of process.argv.slice(2)) {
  current = file;
  console.log(`#file ${file}`);
  queue.length = 0; // the array itself is uvu's; it is emptied, not replaced
  queue.push([null]);
  globalThis.UVU_INDEX = 0;
  const { promise: expired, reject } = Promise.withResolvers<never>();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    reject(new Error(`no end after ${limitMs / 1000} s`));
  }, limitMs);
  try {
    await Promise.race([import(pathToFileURL(path.resolve(file)).href), expired]);
    if ((queue[0]?.length ?? 0) > 1) await Promise.race([exec(), expired]);
    console.log('\n#end');
  } catch (error) {
    console.log(error instanceof Error ? error.stack : String(error));
    console.log('\n#end');
    if (timedOut) process.exit(1);
  } finally {
    clearTimeout(timer);
  }
}
process.exit(0);
