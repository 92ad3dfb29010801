import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { familiarName, normalName, parseReference, withDefaultTag } from '../../../daemon/images/reference.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

test('names have a normal and a familiar form, as Docker spells them', () => {
  const rows: [string, string, string][] = [
    ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['index.docker.io/user/app:v1', 'docker.io/user/app:v1', 'user/app:v1'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000/a:latest', '127.0.0.1:5000/a:latest'],
    ['localhost/a/b:T-1', 'localhost/a/b:T-1', 'localhost/a/b:T-1'],
    ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
    [`busybox@${digest}`, `docker.io/library/busybox@${digest}`, `busybox@${digest}`],
    [`r.example.com/x:1@${digest}`, `r.example.com/x:1@${digest}`, `r.example.com/x:1@${digest}`],
    ['a__b/c--d', 'docker.io/a__b/c--d:latest', 'a__b/c--d:latest'],
  ];
  assert.equal(
    rows.map(([text]) => {
      const parsed = withDefaultTag(parseReference(text));
      return [text, normalName(parsed), familiarName(parsed)];
    }),
    rows,
  );
});

test("bad names are refused with Docker's texts", () => {
  const rows: [string, RegExp][] = [
    ['', /^invalid reference format$/],
    ['Busybox', /repository name must be lowercase/],
    ['busybox:', /^invalid reference format$/],
    ['busybox:a b', /^invalid reference format$/],
    [`busybox:${'x'.repeat(129)}`, /^invalid reference format$/],
    ['busy..box', /^invalid reference format$/],
    ['busybox@sha256:12', /^invalid reference format$/],
    ['busybox@latest', /^invalid reference format$/],
    ['a/../b', /^invalid reference format$/],
    ['host:port/a', /^invalid reference format$/],
    ['f'.repeat(64), /cannot specify 64-byte hexadecimal strings/],
  ];
  for (const [text, message] of rows) {
    assert.throws(
      () => parseReference(text),
      (error: Error & { kind?: string }) => error.kind === 'invalidArgument' && message.test(error.message),
      text,
    );
  }
});

test.run();
