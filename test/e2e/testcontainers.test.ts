/** testcontainers' ordinary use: wait strategies, exec, copy in and out, logs, networks, stop. Its reaper needs an image from the internet and is off. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
process.env['DOCKER_HOST'] = `unix://${e.socket}`;
process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
const { GenericContainer, Network, Wait } = await import('testcontainers');

test('a container with an exposed port is waited for by log, by port and by HTTP', async () => {
  const command = ['sh', '-c', 'mkdir /w; echo tc >/w/index.html; echo listening; exec httpd -f -p 80 -h /w'];
  for (const strategy of [Wait.forLogMessage('listening'), Wait.forHttp('/', 80)]) {
    const container = await new GenericContainer(e.image)
      .withCommand(command)
      .withExposedPorts(80)
      .withWaitStrategy(strategy)
      .start();
    await e.until('it answers', async () => {
      const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}/`).catch(() => undefined);
      return (await answer?.text()) === 'tc\n';
    });
    await container.stop();
  }
});

test('exec, copy in and out, environment, logs', async () => {
  const container = await new GenericContainer(e.image)
    .withCommand(['sh', '-c', 'echo from the log; exec sleep 1000'])
    .withEnvironment({ TC: 'yes' })
    .withCopyContentToContainer([{ content: 'copied in', target: '/tmp/in.txt' }])
    .withWaitStrategy(Wait.forLogMessage('from the log'))
    .start();
  const result = await container.exec(['sh', '-c', 'cat /tmp/in.txt; echo " $TC"; exit 5']);
  assert.equal([result.output, result.exitCode], ['copied in yes\n', 5]);
  const file = path.join(e.scratch, 'out.tar');
  const archive = await container.copyArchiveFromContainer('/tmp/in.txt');
  await fs.promises.writeFile(file, archive);
  assert.is((await e.sh(`tar xOf ${file}`)).stdout, 'copied in');
  await container.restart();
  await container.stop();
});

test('a network with aliases, a health check as wait strategy', async () => {
  const network = await new Network().start();
  const server = await new GenericContainer(e.image)
    .withCommand(['sh', '-c', 'mkdir /w; echo aliased >/w/index.html; exec httpd -f -p 80 -h /w'])
    .withNetwork(network)
    .withNetworkAliases('srv')
    .withHealthCheck({ test: ['CMD', 'wget', '-qO-', 'http://127.0.0.1/'], interval: 300, timeout: 20_000, retries: 20 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  const client = await new GenericContainer(e.image).withCommand(['sleep', '1000']).withNetwork(network).start();
  assert.is((await client.exec(['wget', '-qO-', 'http://srv/'])).output, 'aliased\n');
  await client.stop();
  await server.stop();
  await network.stop();
});

e.run(test);
