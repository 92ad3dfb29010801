import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseJson } from '../../../daemon/api/http/body.ts';
import { queryBoolean, queryInteger, queryList, queryText } from '../../../daemon/api/http/query.ts';
import { isBefore, splitVersion } from '../../../daemon/api/http/version.ts';
import { rejects } from '../../helpers/rejects.ts';

test('query values are read as Docker reads them: what is not 0, no, false, none or empty is true', async () => {
  const query = { a: '1', b: '0', c: 'False', d: '', e: ['x', 'y'], f: 'anything', n: '-5', bad: '5x' };
  assert.equal(
    ['a', 'b', 'c', 'd', 'f', 'missing'].map((key) => queryBoolean(query, key)),
    [true, false, false, false, true, false],
  );
  assert.is(queryBoolean(query, 'missing', true), true);
  assert.equal(
    [queryText(query, 'e'), queryList(query, 'e'), queryList(query, 'a'), queryList(query, 'missing')],
    ['x', ['x', 'y'], ['1'], []],
  );
  assert.equal([queryInteger(query, 'n'), queryInteger(query, 'd'), queryInteger(query, 'missing')], [-5, undefined, undefined]);
  await rejects(() => queryInteger(query, 'bad'), 'strconv.Atoi: parsing "5x": invalid syntax');
});

test('only a version before a path is taken off the URL', () => {
  const cases: [string, string, string | undefined][] = [
    ['/v1.41/containers/json?all=1', '/containers/json?all=1', '1.41'],
    ['/v1/info', '/info', '1'],
    ['/volumes/v1.2', '/volumes/v1.2', undefined],
    ['/version', '/version', undefined],
    ['/v1.41', '/v1.41', undefined],
    ['/', '/', undefined],
  ];
  for (const [url, rest, version] of cases) assert.equal(splitVersion(url), { url: rest, version }, url);
});

test('versions compare by number, not by letter', () => {
  assert.equal(
    [isBefore('1.9', '1.41'), isBefore('1.41', '1.41'), isBefore('2.0', '1.99'), isBefore('1', '1.1')],
    [true, false, false, true],
  );
});

test("what is not JSON is refused in Go's words, where V8 tells enough", async () => {
  const cases: [string, string][] = [
    ['{"a":', 'invalid JSON: unexpected EOF'],
    ['{"a":1,', 'invalid JSON: unexpected EOF'],
    ['{"a":1} x', "invalid JSON: invalid character 'x' after top-level value"],
    ['{"a":1 "b"}', `invalid JSON: invalid character '"' after object key:value pair`],
    ['{a:1}', "invalid JSON: invalid character 'a' looking for beginning of object key string"],
    ['[1 2]', "invalid JSON: invalid character '2' after array element"],
    ['<html>', "invalid JSON: invalid character '<' looking for beginning of value"],
  ];
  for (const [text, message] of cases) await rejects(() => parseJson(Buffer.from(text), 'application/json'), message);
  assert.equal([parseJson(Buffer.from(' \n'), undefined), parseJson(Buffer.from('null'), undefined)], [undefined, null]);
});

test.run();
