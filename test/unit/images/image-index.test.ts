import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chainIds, topChainId } from '../../../daemon/images/chain.ts';
import { ImageIndex } from '../../../daemon/images/image-index.ts';

const id = (digit: string) => `sha256:${digit.repeat(64)}`;
const target = (digit: string) => ({ mediaType: 'm', digest: id(digit), size: 1 });
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: [] } };

function filled(): ImageIndex {
  const index = new ImageIndex();
  for (const digit of ['a', 'b']) {
    index.put({
      id: id(digit),
      manifest: target(digit),
      config,
      chainId: '',
      size: 1,
      parent: digit === 'b' ? id('a') : '',
      lastTagTime: '',
      hasIdRecord: true,
    });
  }
  index.setName('docker.io/library/busybox:latest', id('a'), target('a'));
  index.setName(`docker.io/library/busybox@${id('1')}`, id('a'), target('a'));
  index.setName('docker.io/library/bbbb:latest', id('a'), target('a'));
  index.setName('127.0.0.1:5000/x/y:1', id('b'), target('b'));
  return index;
}

test('an image is found by every spelling of its names and ids', () => {
  const index = filled();
  const rows: [string, string | undefined][] = [
    ['busybox', id('a')],
    ['docker.io/busybox:latest', id('a')],
    ['library/busybox', id('a')],
    [`busybox@${id('1')}`, id('a')],
    [`busybox:other@${id('1')}`, id('a')],
    [id('b'), id('b')],
    ['b'.repeat(64), id('b')],
    ['bbb', id('b')],
    ['sha256:bbb', id('b')],
    ['bbbb', id('a')], // a name comes before an id
    ['127.0.0.1:5000/x/y:1', id('b')],
    ['127.0.0.1:5000/x/y', undefined],
    ['c', undefined],
    ['Bad Name', undefined],
  ];
  assert.equal(
    rows.map(([ref]) => [ref, index.find(ref)?.id]),
    rows,
  );
  assert.throws(() => index.resolve('nope'), /^No such image: nope:latest$/);
  assert.throws(
    () => index.resolve(id('c')),
    (error: Error) => error.message === `No such image: ${id('c')}`,
  );
  assert.throws(() => index.resolve('Bad Name'), /invalid reference format/);
});

test('a name has one image at a time, and goes with it', () => {
  const index = filled();
  index.setName('docker.io/library/busybox:latest', id('b'), target('b'));
  assert.equal(
    [index.get(id('a'))?.tags, index.get(id('b'))?.tags],
    [['bbbb:latest'], ['127.0.0.1:5000/x/y:1', 'busybox:latest']],
  );
  assert.equal(index.get(id('a'))?.repoDigests, [`busybox@${id('1')}`]);
  assert.equal(
    index.childrenOf(id('a')).map((image) => image.id),
    [id('b')],
  );
  index.remove(id('b'));
  assert.equal([index.find('busybox'), index.all().map((image) => image.id)], [undefined, [id('a')]]);
  assert.throws(() => index.setName('docker.io/library/x:1', id('b'), target('b')), /No such image/);
});

test('chain ids are those of the OCI image specification', () => {
  assert.equal(chainIds([]), []);
  assert.is(topChainId([]), '');
  assert.equal(chainIds([id('a')]), [id('a')]);
  // sha256 of `sha256:aaa… sha256:bbb…`
  assert.is(chainIds([id('a'), id('b')])[1], topChainId([id('a'), id('b')]));
  assert.not.equal(topChainId([id('a'), id('b')]), topChainId([id('b'), id('a')]));
});

test.run();
