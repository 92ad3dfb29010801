/** docker-py from Debian: one Python program a case, run against the daemon. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);

/** Each case's program must print `ok` at its end; asserts inside say what was wrong. */
const cases: Record<string, string> = {
  'run returns output, and raises with the exit code': `
assert c.containers.run(IMG, ['echo', 'hi'], remove=True) == b'hi\\n'
try:
    c.containers.run(IMG, ['sh', '-c', 'echo bad >&2; exit 4'], remove=True); assert False
except docker.errors.ContainerError as x:
    assert x.exit_status == 4 and b'bad' in x.stderr, x`,
  'exec_run demultiplexes and streams': `
k = c.containers.run(IMG, ['sleep', '1000'], detach=True)
code, (out, err) = k.exec_run(['sh', '-c', 'echo o; echo e >&2; exit 3'], demux=True)
assert (code, out, err) == (3, b'o\\n', b'e\\n'), (code, out, err)
for i in range(20): assert k.exec_run(['echo', str(i)]).output == b'%d\\n' % i
_, stream = k.exec_run(['sh', '-c', 'for i in 1 2 3; do echo $i; done'], stream=True)
assert b''.join(stream) == b'1\\n2\\n3\\n'
sock = k.exec_run(['cat'], stdin=True, socket=True).output
k.remove(force=True)`,
  'logs and attach of a finished container': `
k = c.containers.run(IMG, ['sh', '-c', 'echo l1; echo l2'], detach=True)
assert k.wait()['StatusCode'] == 0
assert k.logs() == b'l1\\nl2\\n'
assert k.logs(tail=1) == b'l2\\n'
# docker-py drops what reaches it together with the answer's head, so on a busy machine one try may come back empty
assert any(k.attach(logs=True, stream=False) == b'l1\\nl2\\n' for i in range(10))
k.remove()`,
  'volumes, networks and their lists': `
v = c.volumes.create('pyv', labels={'a': 'b'}); assert [x.name for x in c.volumes.list(filters={'label': 'a=b'})] == ['pyv']
n = c.networks.create('pyn', driver='bridge', ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet='10.214.9.0/24')]))
k = c.containers.run(IMG, ['sleep', '1000'], detach=True, network='pyn', volumes={'pyv': {'bind': '/v', 'mode': 'rw'}})
k.reload(); assert k.attrs['NetworkSettings']['Networks']['pyn']['IPAddress'].startswith('10.214.9.')
n.reload(); assert [x.id for x in n.containers] == [k.id]
n.disconnect(k); n.connect(k, aliases=['x'], ipv4_address='10.214.9.77'); k.reload()
assert k.attrs['NetworkSettings']['Networks']['pyn']['IPAddress'] == '10.214.9.77'
k.remove(force=True); n.remove(); v.remove()`,
  'images: build, tag, save, load, remove': `
import io
i, log = c.images.build(fileobj=io.BytesIO(('FROM %s\\nRUN echo x >/x' % IMG).encode()), tag='pyb:1')
assert c.containers.run('pyb:1', ['cat', '/x'], remove=True) == b'x\\n'
data = b''.join(i.save(named='pyb:1')); c.images.remove('pyb:1')
assert c.images.load(data)[0].tags == ['pyb:1']; c.images.remove('pyb:1')
try: c.images.get('nope:1'); assert False
except docker.errors.ImageNotFound: pass`,
  'pause, stats, top, update, rename, events, prune': `
import time
t = int(time.time()) - 1
k = c.containers.run(IMG, ['sleep', '1000'], detach=True, name='pyk')
k.pause(); k.reload(); assert k.status == 'paused'; k.unpause()
assert k.stats(stream=False)['memory_stats']['usage'] > 0
assert any('sleep 1000' in ' '.join(p) for p in k.top()['Processes'])
k.update(mem_limit='64m', memswap_limit='128m'); k.reload(); assert k.attrs['HostConfig']['Memory'] == 67108864
k.rename('pyk2'); assert c.containers.get('pyk2').id == k.id
k.stop(timeout=0); assert [x.id for x in c.containers.list(all=True, filters={'name': 'pyk2'})] == [k.id]
assert 'start' in [x['Action'] for x in c.events(since=t, until=int(time.time()) + 1, decode=True, filters={'container': k.id})]
assert k.id in c.containers.prune()['ContainersDeleted']`,
  archives: `
import io, tarfile
k = c.containers.create(IMG, 'true')
b = io.BytesIO(); t = tarfile.open(fileobj=b, mode='w'); h = tarfile.TarInfo('f'); h.size = 4; t.addfile(h, io.BytesIO(b'data')); t.close()
assert k.put_archive('/tmp', b.getvalue())
bits, stat = k.get_archive('/tmp/f'); assert stat['name'] == 'f' and stat['size'] == 4, stat
assert tarfile.open(fileobj=io.BytesIO(b''.join(bits))).extractfile('f').read() == b'data'
k.remove()`,
};

for (const [name, program] of Object.entries(cases)) {
  test(name, async () => {
    const file = path.join(e.scratch, 'case.py');
    fs.writeFileSync(
      file,
      `import docker\nIMG = '${e.image}'\nc = docker.DockerClient(base_url='unix://${e.socket}', timeout=50)\n${program}\nprint('ok')\n`,
    );
    const result = await e.sh(`/usr/bin/python3 ${file}`);
    assert.is(result.stdout.trim().split('\n').at(-1), 'ok', result.stderr);
  });
}

e.run(test);
