import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, buildResponse, readQuery } from '../../../daemon/networks/dns/message.ts';

function query(name: string, type = 1, extra = Buffer.alloc(0)): Buffer {
  const labels = name.split('.').flatMap((one) => [one.length, ...Buffer.from(one)]);
  const additional = extra.length > 0 ? 1 : 0;
  return Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, additional, ...labels, 0, 0, type, 0, 1, ...extra]);
}

const edns = (size: number) => Buffer.from([0, 0, 41, size >> 8, size & 255, 0, 0, 0, 0, 0, 0]);

test('a question is read, with the size that EDNS offers', () => {
  assert.equal(readQuery(query('Web.example')), { name: 'Web.example', type: 1, class: 1, end: 29, maxBytes: 512 });
  assert.is(readQuery(query('web', 28, edns(1232)))?.maxBytes, 1232);
  assert.is(readQuery(query('web', 28, edns(100)))?.maxBytes, 512);
});

test('what is no query is nothing', () => {
  const good = query('web');
  const answer = Buffer.from(good);
  answer.writeUInt8(0x81, 2);
  const compressed = Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
  const noQuestion = Buffer.from(good);
  noQuestion.writeUInt16BE(0, 4);
  for (const one of [
    Buffer.alloc(0),
    Buffer.alloc(11),
    Buffer.alloc(12),
    good.subarray(0, 15),
    good.subarray(0, -1),
    answer,
    compressed,
    noQuestion,
  ]) {
    assert.is(readQuery(one), undefined, one.toString('hex'));
  }
  for (let size = 0; size < good.length; size++) readQuery(good.subarray(0, size)); // none may throw
});

test('answers carry the question’s name, their type and data', () => {
  const message = query('web');
  const answers: Answer[] = [
    { type: 'A', address: '10.0.0.9' },
    { type: 'AAAA', address: 'fd00::9' },
    { type: 'PTR', name: 'web.net' },
  ];
  const response = buildResponse(message, readQuery(message)!, { code: 0, answers });
  assert.is(response.subarray(0, 12).toString('hex'), 'abcd81800001000300000000');
  const head = 'c00c';
  const parts = [
    `${head}000100010000025800040a000009`,
    `${head}001c0001000002580010fd000000000000000000000000000009`,
    `${head}000c000100000258000903776562036e657400`,
  ];
  assert.is(response.subarray(message.length).toString('hex'), parts.join(''));
});

test('what does not fit is cut and said so; a failure carries only the question', () => {
  const message = query('web', 1, edns(512));
  const question = readQuery(message)!;
  const answers = Array.from({ length: 100 }, (_, index): Answer => ({ type: 'A', address: `10.0.0.${index}` }));
  const cut = buildResponse(message, question, { code: 0, answers, maxBytes: question.maxBytes });
  assert.ok(cut.length <= 512 && cut.length > 490);
  assert.is(cut.readUInt8(2) & 2, 2);
  assert.is(cut.readUInt16BE(6), (cut.length - question.end) / 16);
  const failure = buildResponse(message, question, { code: 2 });
  assert.is(failure.toString('hex', 2, 12), '81820001000000000000');
  assert.is(failure.length, question.end);
});

test.run();
