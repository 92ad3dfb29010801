import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { graph } from '../../../hookplugins/graph.ts';
import { checked, type RegisteredPlugin, uriOf } from '../../../hookplugins/registry.ts';
import { rejects } from '../../helpers/rejects.ts';

/** `b: a c` is a registration of type b that requires types a and c; its id is the type's name unless `type/id` says more. */
function make(...lines: string[]): RegisteredPlugin[] {
  const made: RegisteredPlugin[] = [];
  for (const line of lines) {
    const [head = '', rest = ''] = line.split(':');
    const [type = '', id = type] = head.split('/');
    const requires = rest.split(' ').filter(Boolean);
    made.push(checked({ type, id, requires, initFn: () => id }, { name: 'test', version: '' }, made));
  }
  return made;
}

const order = (list: RegisteredPlugin[], disabled: string[] = []) =>
  graph(list, { disabled })
    .map((one) => one.id)
    .join(' ');

const tables: [string, string[], string][] = [
  ['without requires, as registered', ['a', 'b', 'c'], 'a b c'],
  ['what is required comes first', ['service: content', 'content'], 'content service'],
  [
    'through several layers',
    ['grpc: service', 'service: metadata', 'metadata: content snapshotter', 'content', 'snapshotter'],
    'content snapshotter metadata service grpc',
  ],
  ['requires in the order in which they stand', ['top: b a', 'a', 'b'], 'b a top'],
  ['all of a type, as registered', ['top: s', 's/two', 's/one', 's/three'], 'two one three top'],
  ['shared requirements once', ['x: base', 'y: base', 'base'], 'base x y'],
  ['* after all others', ['all: *', 'a: b', 'b'], 'b a all'],
  ['a type that nobody provides is no error', ['a: nobody', 'b'], 'a b'],
];
for (const [what, lines, expected] of tables) {
  test(`order: ${what}`, () => {
    assert.is(order(make(...lines)), expected);
  });
}

test('the same registrations give the same order every time', () => {
  const list = make('z: y', 'y: x', 'x', 'a: x', 'b: *');
  assert.is(new Set(Array.from({ length: 20 }, () => order(list))).size, 1);
});

test('what is disabled is left out before the order is made, with no error for those that required it', () => {
  const list = make('a: b', 'b: c', 'c');
  assert.is(order(list, ['b.b']), 'a c');
  assert.is(order([...list.slice(0, 2), { ...list[2]!, disable: true }]), 'b a');
  assert.is(order(list), 'c b a'); // the list itself is not changed
});

test('a disabled registration does not take part in a cycle', () => {
  assert.is(order(make('a: b', 'b: a'), ['b.b']), 'a');
});

const cycles: [string, string[], RegExp][] = [
  ['of two', ['a: b', 'b: a'], /dependency loop: a\.a -> b\.b -> a\.a$/],
  ['behind a healthy one', ['top: a', 'a: b', 'b: c', 'c: a'], /dependency loop: a\.a -> b\.b -> c\.c -> a\.a$/],
  ['of two that require everything', ['a: *', 'b: *'], /dependency loop: a\.a -> b\.b -> a\.a$/],
  ['through everything', ['a: *', 'b: a'], /dependency loop: a\.a -> b\.b -> a\.a$/],
];
for (const [what, lines, message] of cycles) {
  test(`a cycle ${what} is refused as a chain`, async () => {
    await rejects(() => graph(make(...lines)), message);
  });
}

test('uriOf joins type and id', () => assert.is(uriOf({ type: 'io.pouchd.x.v1', id: 'y' }), 'io.pouchd.x.v1.y'));

test.run();
