import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scanDockerfile } from '../../../daemon/images/build/dockerfile-scan.ts';
import { BuildOutput, buildFailure } from '../../../daemon/images/build/output.ts';

test('a Dockerfile is looked through for the images it needs', () => {
  const text = [
    '# syntax=docker/dockerfile:1',
    'ARG BASE=busybox',
    'ARG TAG',
    'FROM ${BASE}:${TAG:-latest} AS one',
    'RUN echo \\',
    '  # a comment between',
    '  FROM nothing',
    'RUN <<EOF',
    'FROM inside',
    'EOF',
    'FROM --platform=linux/amd64 other/img@sha256:abc AS two',
    'COPY --chown=1:1 --from=one /a /b',
    'COPY --from=0 /a /c',
    'COPY --from=third:1 /a /d',
    'RUN --mount=type=bind,from=fourth,target=/m true',
    'from ONE',
    'FROM scratch',
    'COPY --from=two / /',
  ].join('\n');
  assert.equal(scanDockerfile(text, { TAG: '1.36' }), {
    images: ['busybox:1.36', 'other/img@sha256:abc', 'third:1', 'fourth'],
    steps: 13,
    stages: ['${BASE}:${TAG:-latest} AS one', '--platform=linux/amd64 other/img@sha256:abc AS two', 'ONE', 'scratch'],
  });
  assert.equal(scanDockerfile(text, {}).images[0], 'busybox:latest');
  assert.throws(() => scanDockerfile('# only words\n', {}), /cannot be empty/);
  assert.throws(() => scanDockerfile('RUN x\n', {}), /no build stage/);
  assert.throws(() => scanDockerfile('ARG A\nFROM $A\n', {}), /should not be blank/);
});

test("the builder's lines become those of Docker's classic builder", () => {
  const streams: string[] = [];
  const id = 'ab'.repeat(32);
  const output = new BuildOutput({
    steps: 3,
    names: new Map([[id, 'busybox:1']]),
    stages: ['busybox:1 AS a', 'a AS second'],
    progress: (message) => streams.push(message.stream ?? ''),
  });
  output.write(`[1/2] STEP 1/2: FROM ${id} AS a\n[1/2] STEP 2/2: RUN e`);
  output.write(
    `cho hi\nhi\n--> Using cache ${id}\n--> 1234567890ab\nCOMMIT\n${id}\n[2/2] STEP 1/1: FROM ${'cd'.repeat(32)} AS second\n[Warning] one or more build args were not consumed: [X TARGETOS]\ntail`,
  );
  output.end();
  assert.is(
    streams.join(''),
    'Step 1/3 : FROM busybox:1 AS a\nStep 2/3 : RUN echo hi\nhi\n ---> Using cache\n ---> abababababab\n ---> 1234567890ab\nStep 3/3 : FROM a AS second\n[Warning] One or more build-args [X] were not consumed\ntail\n',
  );
});

test('a failing step is told with its exit code', () => {
  const rows: [string, object][] = [
    [
      'subprocess exited with status 3\nError: building at STEP "RUN exit 3": exit status 3\n',
      { message: "The command '/bin/sh -c exit 3' returned a non-zero code: 3", code: 3 },
    ],
    [
      'Error: building at STEP "COPY nofile /x": checking on sources under "/w/context": copier: stat: "/nofile": no such file or directory',
      { message: 'COPY failed: file not found in build context or excluded by .dockerignore: stat nofile: file does not exist' },
    ],
    ['Error: something else', { message: 'something else' }],
    ['', { message: 'the builder failed without a word' }],
  ];
  assert.equal(
    rows.map(([stderr]) => [stderr, buildFailure(stderr)]),
    rows,
  );
});

test.run();
