import { readdir, readFile } from 'node:fs/promises';

/** Ids of all processes below `pid`, children before their own children; also those in sessions of their own. Processes that come or go meanwhile may be missed. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    names.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => ''); // it has just ended
      const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(stat)?.[1]);
      if (parent) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    }),
  );
  const found: number[] = [];
  for (let pending = [pid]; pending.length > 0; ) {
    pending = pending.flatMap((one) => children.get(one) ?? []);
    found.push(...pending);
  }
  return found;
}
