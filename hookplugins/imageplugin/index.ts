import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { registerImagePlugin } from '@pouchd/hookplugins';

interface Config {
  readonly file: string;
  readonly maxBytes: number;
}

let last: Promise<unknown> = Promise.resolve();

registerImagePlugin<Config>({
  async postPull(snapshotter, image, { config }) {
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...image, snapshotter })}\n`;
    const written = last.then(() => append(config, line)); // one at a time: two pulls must not both turn the file
    last = written.catch(() => undefined);
    await written;
  },
});

async function append({ file, maxBytes }: Config, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size >= maxBytes) await rename(file, `${file}.1`);
  await appendFile(file, line, { mode: 0o640 });
}
