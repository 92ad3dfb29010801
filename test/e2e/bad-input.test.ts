/** Malformed requests straight at the HTTP API: status and message as Docker's, and nothing left behind in store, containerd or on disk. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
const json = { 'Content-Type': 'application/json' };
const create = (body: unknown) =>
  ['POST', '/v1.41/containers/create?name=bad', typeof body === 'string' ? body : JSON.stringify(body)] as const;
const image = e.image;

/** Method, path, body; the status and a part of the message that must come back. */
const rows: [readonly [string, string, string?], number, RegExp][] = [
  [['GET', '/v1.41/nothing/here'], 404, /page not found/],
  [['PATCH', '/v1.41/containers/json'], 404, /page not found/],
  [['GET', '/v1.99/info'], 400, /client version 1\.99 is too new\. Maximum supported API version is/],
  [['GET', '/v1.10/info'], 400, /client version 1\.10 is too old\. Minimum supported API version is/],
  [create('{"Image": '), 400, /unexpected|invalid|JSON/i],
  [create('[]'), 400, /./],
  [create({ Image: 5 }), 400, /Image/],
  [create({ Image: image, HostConfig: { Memory: 'lots' } }), 400, /Memory/],
  [create({ Image: image, Cmd: { a: 1 } }), 400, /Cmd/],
  [create({ Image: 'nobody/has-this:1' }), 404, /No such image: nobody\/has-this:1/],
  [create({ Image: 'UPPER:case:x' }), 400, /invalid reference format/],
  [create({ Image: image, HostConfig: { Memory: 1024 } }), 400, /Minimum memory limit allowed is 6MB/],
  [create({ Image: image, HostConfig: { RestartPolicy: { Name: 'sometimes' } } }), 400, /restart policy/i],
  [create({ Image: image, HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } } }), 400, /AutoRemove|auto/i],
  [create({ Image: image, HostConfig: { NetworkMode: 'nope' } }), 201, /./],
  [create({ Image: image, HostConfig: { Binds: ['relative/:/x:bad'] } }), 400, /invalid/i],
  [create({ Image: image, HostConfig: { Binds: ['/a:relative'] } }), 400, /mount path must be absolute|invalid/i],
  [create({ Image: image, HostConfig: { PortBindings: { 'x/tcp': [{}] } } }), 400, /port/i],
  [create({ Image: image, HostConfig: { Runtime: 'nope' } }), 400, /unknown or invalid runtime name: nope/i],
  [
    create({ Image: image, NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: '172.17.0.9' } } } } }),
    400,
    /user specified IP address is supported on user defined networks only/,
  ],
  [create({ Image: image, HostConfig: { LogConfig: { Type: 'nope' } } }), 400, /no log driver named 'nope' is registered|logger/],
  [create({ Image: image, HostConfig: { CapAdd: ['NOT_A_CAP'] } }), 400, /CAP_NOT_A_CAP|NOT_A_CAP/],
  [['POST', '/v1.41/containers/create?name=-bad-', JSON.stringify({ Image: image })], 400, /Invalid container name/],
  [['POST', '/v1.41/containers/nope/start'], 404, /No such container: nope/],
  [['POST', '/v1.41/containers/nope/exec', JSON.stringify({ Cmd: ['x'] })], 404, /No such container: nope/],
  [['GET', '/v1.41/containers/json?filters=%7Bbad'], 400, /./],
  [['GET', '/v1.41/containers/json?filters=%7B%22status%22%3A%5B%22odd%22%5D%7D'], 400, /odd|status/],
  [['POST', '/v1.41/images/create?fromImage=UPPER'], 400, /invalid reference format/],
  [['GET', '/v1.41/images/nope/json'], 404, /No such image: nope/],
  [['DELETE', '/v1.41/images/nope'], 404, /No such image: nope/],
  [['POST', '/v1.41/networks/create', JSON.stringify({ Name: '' })], 400, /./],
  [['POST', '/v1.41/networks/create', JSON.stringify({ Name: 'n', IPAM: { Config: [{ Subnet: 'x' }] } })], 400, /x/],
  [['DELETE', '/v1.41/networks/nope'], 404, /network nope not found/],
  [
    ['POST', '/v1.41/volumes/create', JSON.stringify({ Name: '../x' })],
    400,
    /only "\[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\]" are allowed|invalid/,
  ],
  [['POST', '/v1.41/volumes/create', JSON.stringify({ Name: 'v', Driver: 'nope' })], 404, /nope/],
  [['DELETE', '/v1.41/volumes/nope'], 404, /no such volume/],
  [['GET', '/v1.41/exec/nope/json'], 404, /No such exec instance: nope/],
  [['POST', '/v1.41/swarm/init', '{}'], 501, /swarm mode is not supported/],
  [['GET', '/v1.41/plugins/nope/json'], 404, /nope/],
];

for (const [[method, url, body], status, message] of rows) {
  test(`${method} ${url} ${body ?? ''} answers ${status}`, async () => {
    const answer = await e.api(method, url, body === undefined ? undefined : { body, headers: json });
    assert.is(answer.status, status, answer.body);
    assert.match(answer.body, message);
    if (status >= 400) assert.is(answer.headers['content-type'], 'application/json');
    if (status === 201) await e.ok('rm', 'bad');
  });
}

test('none of this left a container, a snapshot or a folder', async () => {
  assert.is(await e.ok('ps', '-aq'), '');
  const dirs = fs.existsSync(path.join(e.root, 'containers')) ? fs.readdirSync(path.join(e.root, 'containers')) : [];
  assert.equal(dirs, []);
  assert.is(await e.ok('volume', 'ls', '-q'), '');
});

test('a client that hangs up in the middle of a request harms nothing', async () => {
  await e.sh(
    `printf 'POST /v1.41/images/load HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 100000\\r\\n\\r\\nhalf' | timeout 1 nc -U ${e.socket} || true`,
  );
  assert.is((await e.api('GET', '/_ping')).body, 'OK');
});

e.run(test);
