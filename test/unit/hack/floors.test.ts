import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { floorRules } from '../../../hack/floor-rules.ts';
import { floors, roomPattern } from '../../../hack/floors.ts';

const test = suite('the dependency rules follow from the floors');

function isForbidden(from: string, to: string): boolean {
  return floorRules().some((rule) => {
    const fits = (pattern: unknown, file: string): boolean =>
      [pattern].flat().some((one) => typeof one === 'string' && new RegExp(one).test(file));
    const target = (rule as { to?: { path?: unknown } }).to;
    return rule.name?.startsWith('floor-') && fits(rule.from.path, from) && fits(target?.path, to);
  });
}

test('a room may import lower floors, and neither neighbours nor higher ones', () => {
  floors.forEach((rooms, floor) => {
    floors.forEach((others, otherFloor) => {
      for (const room of rooms) {
        for (const other of others) {
          const file = (name: string): string => (name === 'hookplugins' ? 'hookplugins/x.ts' : `daemon/${name}/x.ts`);
          const expected = room !== other && otherFloor >= floor;
          assert.is(isForbidden(file(room), file(other)), expected, `${room} -> ${other}`);
        }
      }
    });
  });
});

test('a plugin in the tree is not the plugin API', () => {
  assert.not.match('hookplugins/containerplugin/index.ts', new RegExp(roomPattern('hookplugins')));
});

test('the API stand-in of the recorded set has the version of the API', () => {
  const read = (file: string): { version?: string } =>
    JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../..', file), 'utf8'));
  assert.is(read('build/plugins/api/package.json').version, read('hookplugins/package.json').version);
});

test.run();
