/** docker-compose 1.29 from Debian on a project with two services, a network, a volume, a healthcheck and depends_on. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
const project = path.join(e.scratch, 'proj');
fs.mkdirSync(project);

function write(greeting: string): void {
  fs.writeFileSync(
    path.join(project, 'docker-compose.yml'),
    JSON.stringify({
      version: '2.4',
      services: {
        db: {
          image: e.image,
          command: ['sh', '-c', 'echo db >/data/who; exec httpd -f -p 80 -h /data'],
          volumes: ['data:/data'],
          networks: { back: { aliases: ['store'] } },
          healthcheck: { test: ['CMD', 'wget', '-qO-', 'http://127.0.0.1/who'], interval: '300ms', timeout: '20s', retries: 20 },
        },
        web: {
          image: e.image,
          command: ['sh', '-c', 'echo ready; exec sleep 1000'],
          environment: { GREETING: greeting },
          networks: ['back'],
          depends_on: { db: { condition: 'service_healthy' } },
        },
      },
      networks: { back: {} },
      volumes: { data: {} },
    }),
  );
}

const compose = (...args: string[]) => e.sh(`cd ${project} && docker-compose --no-ansi -p proj ${args.join(' ')}`);
const good = async (...args: string[]) => {
  const result = await compose(...args);
  assert.is(result.code, 0, result.stderr + result.stdout);
  return result.stdout;
};

test('up waits for health, services find each other, logs and exec work', async () => {
  write('hello');
  await good('up', '-d');
  assert.match(await good('ps'), /proj_db_1[\s\S]*\(healthy\)[\s\S]*proj_web_1/);
  assert.match(await good('exec', '-T', 'web', 'wget', '-qO-', 'http://store/who'), /^db/);
  assert.match(await good('logs', 'web'), /ready/);
});

test('a second up changes nothing; a changed service is made anew, the other stays', async () => {
  const ids = async () => [await e.format('proj_db_1', '{{.Id}}'), await e.format('proj_web_1', '{{.Id}}')];
  const [db, web] = await ids();
  await good('up', '-d');
  assert.equal(await ids(), [db, web]);
  write('changed');
  await good('up', '-d');
  const [dbAfter, webAfter] = await ids();
  assert.is(dbAfter, db);
  assert.is.not(webAfter, web);
  assert.match(await good('exec', '-T', 'web', 'env'), /GREETING=changed/);
});

test('restart, scale, stop and down -v leave nothing', async () => {
  await good('restart', '-t', '1', 'web');
  await good('up', '-d', '--scale', 'web=2');
  assert.match(await good('ps'), /proj_web_2/);
  await good('stop', '-t', '1');
  await good('down', '-v', '-t', '1');
  assert.is(await e.ok('ps', '-aq', '--filter', 'name=proj_'), '');
  assert.is(await e.ok('volume', 'ls', '-q', '--filter', 'name=proj_'), '');
  assert.is(await e.ok('network', 'ls', '-q', '--filter', 'name=proj_'), '');
});

e.run(test);
