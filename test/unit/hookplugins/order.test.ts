import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Orderable, orderPlugins } from '../../../hookplugins/order.ts';
import { rejects } from '../../helpers/rejects.ts';

const one = (id: string, hints: Partial<Orderable> = {}): Orderable => ({ id, package: `pkg-${id}`, ...hints });
const order = (...list: Orderable[]) =>
  orderPlugins(list)
    .map((each) => each.id)
    .join(' ');

const tables: [string, Orderable[], string][] = [
  ['as recorded without hints', [one('a'), one('b'), one('c')], 'a b c'],
  [
    'higher priority first, equal as recorded',
    [one('a'), one('b', { priority: 5 }), one('c', { priority: 5 }), one('d', { priority: -1 }), one('e')],
    'b c a e d',
  ],
  ['before by id', [one('a'), one('b'), one('c', { before: ['a'] })], 'b c a'],
  ['after by package name', [one('a', { after: ['pkg-c'] }), one('b'), one('c')], 'b c a'],
  ['before wins over priority', [one('a', { priority: 9 }), one('b', { before: ['a'] })], 'b a'],
  ['requires comes after what it needs', [one('a', { requires: ['b'] }), one('b')], 'b a'],
  [
    'a name that is not there does not matter in before and after',
    [one('a', { before: ['zz'], after: ['yy'] }), one('b')],
    'a b',
  ],
  ['a hint on itself does not matter', [one('a', { before: ['a'], after: ['pkg-a'] })], 'a'],
  ['chains', [one('a', { after: ['b'] }), one('b', { after: ['c'] }), one('c', { after: ['d'] }), one('d')], 'd c b a'],
];
for (const [what, list, expected] of tables) test(`order: ${what}`, () => assert.is(order(...list), expected));

const cycles: [string, Orderable[], RegExp][] = [
  ['of two', [one('a', { before: ['b'] }), one('b', { before: ['a'] })], /plugin order has a cycle: (a -> b -> a|b -> a -> b)$/],
  [
    'of three behind others',
    [one('x', { after: ['a'] }), one('a', { before: ['b'] }), one('b', { before: ['c'] }), one('c', { before: ['a'] }), one('y')],
    /plugin order has a cycle: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)$/,
  ],
  ['of requires', [one('a', { requires: ['b'] }), one('b', { requires: ['a'] })], /cycle: (a -> b -> a|b -> a -> b)$/],
];
for (const [what, list, message] of cycles)
  test(`a cycle ${what} is told as a chain`, async () => void (await rejects(() => orderPlugins(list), message)));

test('a required plugin that is not there is named with who requires it', async () => {
  await rejects(
    () => order(one('a', { requires: ['gone'] })),
    /plugin a of package pkg-a requires plugin gone, which is not there/,
  );
});

test('a required plugin may be of another kind', () => {
  const [a, b] = [one('a', { requires: ['b'] }), one('b')];
  assert.equal(orderPlugins([a], [a, b]), [a]);
});

test.run();
