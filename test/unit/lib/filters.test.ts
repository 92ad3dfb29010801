import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { booleanFilter, lacksLabels, matchesLabels, matchesPattern, parseFilters } from '../../../daemon/lib/filters.ts';
import { rejects } from '../../helpers/rejects.ts';

test('filters come as lists or as maps of true values', () => {
  assert.equal(parseFilters('{"label":["a=b","c"],"dangling":{"true":true,"false":false}}'), {
    label: ['a=b', 'c'],
    dangling: ['true'],
  });
  assert.equal([parseFilters(undefined), parseFilters(''), parseFilters('null')], [{}, {}, {}]);
});

test('what is no filter is refused', async () => {
  for (const text of ['{', '[]', '7', '{"a":1}', '{"a":[1]}']) await rejects(() => parseFilters(text), 'invalid filter');
  await rejects(() => parseFilters('{"nix":["x"]}', ['label']), "invalid filter 'nix'");
});

test('labels match by key, or by key and value; label! excludes', () => {
  const labels = { a: 'b', c: '', toString: 'x' };
  assert.ok(matchesLabels(labels, ['a', 'a=b', 'c=']));
  assert.not(matchesLabels(labels, ['a=x']));
  assert.not(matchesLabels({}, ['toString']));
  assert.not(matchesLabels(null, ['a']));
  assert.ok(lacksLabels(labels, ['d', 'a=x']));
  assert.not(lacksLabels(labels, ['a']));
});

test('names match as patterns, and as text where the pattern is none', () => {
  assert.equal(
    [
      matchesPattern('web-1', ['eb']),
      matchesPattern('web-1', ['^eb']),
      matchesPattern('a(b', ['a(']),
      matchesPattern('x', undefined),
    ],
    [true, false, true, true],
  );
});

test('true/false filters take 1 and 0, and refuse both at once', async () => {
  assert.equal(
    [
      booleanFilter({ dangling: ['1'] }, 'dangling'),
      booleanFilter({ dangling: ['false'] }, 'dangling'),
      booleanFilter({}, 'dangling'),
    ],
    [true, false, undefined],
  );
  await rejects(() => booleanFilter({ dangling: ['true', 'false'] }, 'dangling'), "invalid filter 'dangling=");
  await rejects(() => booleanFilter({ dangling: ['maybe'] }, 'dangling'), "invalid filter 'dangling=");
});

test.run();
