import { Metadata } from '@grpc/grpc-js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ruleFor } from '../../../daemon/grpc/namespace-policy.ts';
import { handedOn } from '../../../daemon/grpc/services.ts';

const headers = (...namespaces: string[]) => {
  const metadata = new Metadata();
  for (const one of namespaces) metadata.add('containerd-namespace', one);
  return metadata;
};
const paths = Object.values(handedOn).flat();
const free = paths.filter((path) => /Namespaces\/|Version\/|Health\/|Events\/Subscribe$/.test(path));

test('without a list every namespace goes, nothing is decoded, and a missing header becomes the default', () => {
  for (const path of paths) {
    const rule = ruleFor(path, { allowed: undefined, default: 'pouch' });
    assert.equal([rule.request, rule.response], [undefined, undefined], path);
    rule.headers(headers('any'));
    const none = headers();
    rule.headers(none);
    assert.equal(none.get('containerd-namespace'), ['pouch']);
  }
});

test('with a list every method that acts in a namespace refuses the others, also a second header', () => {
  assert.ok(paths.length > 50);
  for (const path of paths) {
    const rule = ruleFor(path, { allowed: new Set(['pouch']), default: 'pouch' });
    rule.headers(headers('pouch'));
    rule.headers(headers());
    assert.throws(() => rule.headers(headers('pouch', 'secret')), /is given 2 times/);
    if (free.includes(path)) rule.headers(headers('secret'));
    else assert.throws(() => rule.headers(headers('secret')), /namespace secret is not offered here/, path);
  }
});

test('the default itself must be allowed', () => {
  const rule = ruleFor('/containerd.services.tasks.v1.Tasks/Start', { allowed: new Set(['team']), default: 'pouch' });
  assert.throws(() => rule.headers(headers()), /namespace pouch is not offered here/);
});

test.run();
