import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pingMethod } from '../../../daemon/api/http/ping-line.ts';

test('only one whole plain ping is answered without the HTTP server', () => {
  const cases: [string, 'GET' | 'HEAD' | undefined][] = [
    ['GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n', 'GET'],
    ['GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n', 'GET'],
    ['HEAD /_ping HTTP/1.1\r\nHost: x\r\nUser-Agent: Docker-Client/28.2.2 (linux)\r\n\r\n', 'HEAD'],
    ['GET /_ping HTTP/1.1\r\n\r\n', undefined],
    ['GET /_ping HTTP/1.0\r\nHost: x\r\n\r\n', undefined],
    ['GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', undefined],
    ['GET /_ping HTTP/1.1\r\nHost: x\r\nConnection:  keep-alive, Upgrade\r\nUpgrade: tcp\r\n\r\n', undefined],
    ['GET /_ping HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n', undefined],
    ['GET /_ping HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n', undefined],
    ['GET /_ping HTTP/1.1\r\nHost: x\r\n', undefined],
    ['GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /info HTTP/1.1\r\nHost: x\r\n\r\n', undefined],
    ['GET /_ping?x HTTP/1.1\r\nHost: x\r\n\r\n', undefined],
    ['GET /v1.41/_ping HTTP/1.1\r\nHost: x\r\n\r\n', undefined],
    ['POST /_ping HTTP/1.1\r\nHost: x\r\n\r\n', undefined],
    [`GET /_ping HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(3000)}\r\n\r\n`, undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) assert.is(pingMethod(Buffer.from(text)), expected, text);
});

test.run();
