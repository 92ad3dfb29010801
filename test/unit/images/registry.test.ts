import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseChallenges } from '../../../daemon/images/registry/challenge.ts';
import { isInsecure } from '../../../daemon/images/registry/endpoint.ts';
import { pullError, RegistryError } from '../../../daemon/images/registry/errors.ts';

test('challenges are read from one header or several', () => {
  const rows: [string | string[], unknown][] = [
    ['Basic realm="r e"', [{ scheme: 'basic', parameters: { realm: 'r e' } }]],
    [
      'Bearer realm="https://auth.test/token?a=b,c",service=reg,scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://auth.test/token?a=b,c', service: 'reg', scope: 'repository:a/b:pull,push' },
        },
      ],
    ],
    [
      ['Negotiate', 'Basic Realm="q\\"q"'],
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'q"q' } },
      ],
    ],
    ['', []],
  ];
  for (const [header, expected] of rows) assert.equal(parseChallenges(header), expected, String(header));
});

test('only the loopback and what the configuration names may be insecure', () => {
  const named = ['reg.test:5000', 'plain.test', '10.1.0.0/16', 'fd00::/8'];
  const yes = [
    '127.0.0.1:5000',
    '127.8.9.1',
    'localhost',
    'localhost:1',
    '[::1]:5000',
    'reg.test:5000',
    'plain.test:81',
    '10.1.2.3:5000',
    '[fd00::1]:5000',
  ];
  const no = ['docker.io', 'reg.test', 'reg.test:5001', '10.2.0.1', 'localhost.test', '[fe80::1]'];
  assert.equal(
    yes.filter((host) => !isInsecure(host, named)),
    [],
  );
  assert.equal(
    no.filter((host) => isInsecure(host, named)),
    [],
  );
});

test("a registry's refusals are told as Docker tells them", () => {
  const rows: [string, string, RegExp, string][] = [
    ['MANIFEST_UNKNOWN', 'manifest unknown', /^manifest for a:1 not found: manifest unknown/, 'notFound'],
    ['NAME_UNKNOWN', 'repository name not known', /^repository a not found: /, 'notFound'],
    [
      'DENIED',
      'requested access',
      /^pull access denied for a, repository does not exist or may require 'docker login'/,
      'notFound',
    ],
    ['TOOMANYREQUESTS', 'slow down', /^slow down$/, 'internal'],
  ];
  for (const [code, message, text, kind] of rows) {
    const error = pullError(new RegistryError(message, { code, status: 400 }), 'a:1') as Error & { kind: string };
    assert.match(error.message, text);
    assert.is(error.kind, kind);
  }
});

test.run();
