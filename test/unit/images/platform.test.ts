import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { choosePlatform, formatPlatform, parsePlatform, platformFits } from '../../../daemon/images/platform.ts';

const entry = (architecture: string, variant?: string, os = 'linux') => ({
  mediaType: 'm',
  digest: `${os}/${architecture}/${variant}`,
  size: 1,
  platform: { os, architecture, variant },
});

test('platforms are read in every spelling that Docker takes', () => {
  const rows: [string, string][] = [
    ['linux/amd64', 'linux/amd64'],
    ['arm64', 'linux/arm64/v8'],
    ['linux/aarch64', 'linux/arm64/v8'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['x86_64', 'linux/amd64'],
    ['windows/amd64', 'windows/amd64'],
  ];
  assert.equal(
    rows.map(([text]) => [text, formatPlatform(parsePlatform(text))]),
    rows,
  );
  assert.throws(() => parsePlatform('linux/a b'), /platform specifier component/);
  assert.throws(() => parsePlatform('a/b/c/d'), /platform specifier component/);
});

test('the entry that serves a platform best is chosen, attestations never', () => {
  const list = [
    { ...entry('unknown', undefined, 'unknown'), annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
    entry('amd64', undefined, 'windows'),
    entry('arm', 'v5'),
    entry('arm', 'v7'),
    entry('arm64', 'v8'),
    entry('amd64'),
  ];
  const chosen = (platform: string) => choosePlatform(list, parsePlatform(platform)).digest;
  assert.equal(['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/arm/v6'].map(chosen), [
    'linux/amd64/undefined',
    'linux/arm64/v8',
    'linux/arm/v7',
    'linux/arm/v5',
  ]);
  assert.throws(
    () => chosen('linux/s390x'),
    (error: Error) => error.message === 'no matching manifest for linux/s390x in the manifest list entries',
  );
  assert.is(platformFits({ os: 'linux', architecture: 'amd64' }, parsePlatform('linux/arm64')), false);
});

test.run();
