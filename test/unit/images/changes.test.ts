import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyChanges } from '../../../daemon/images/changes.ts';

test('every instruction of --change does what its line in a Dockerfile does', () => {
  const base = { Env: ['A=1', 'B=2'], Labels: { old: 'x' }, WorkingDir: '/a', Cmd: ['sh'] };
  const config = applyChanges(base, [
    'CMD ["echo", "com"]',
    'entrypoint run me',
    'ENV B=3 C="two words" D=a\\ b',
    'ENV LEGACY some words',
    'EXPOSE 80 90-91/udp',
    'LABEL k=v "with space"="y z"',
    'ONBUILD RUN make',
    'USER nobody',
    'VOLUME ["/v 1"]\nVOLUME /v2 /v3',
    'WORKDIR b',
    'STOPSIGNAL SIGUSR1',
    'HEALTHCHECK --interval=5s --retries=2 CMD test -f /ok',
    '# nothing',
  ]);
  assert.equal(config, {
    Env: ['A=1', 'B=3', 'C=two words', 'D=a b', 'LEGACY=some words'],
    Labels: { old: 'x', k: 'v', 'with space': 'y z' },
    WorkingDir: '/a/b',
    Cmd: ['echo', 'com'],
    Entrypoint: ['/bin/sh', '-c', 'run me'],
    ExposedPorts: { '80/tcp': {}, '90/udp': {}, '91/udp': {} },
    OnBuild: ['RUN make'],
    User: 'nobody',
    Volumes: { '/v 1': {}, '/v2': {}, '/v3': {} },
    StopSignal: 'SIGUSR1',
    Healthcheck: { Test: ['CMD-SHELL', 'test -f /ok'], Interval: 5e9, Retries: 2 },
  });
  assert.equal(base.Env, ['A=1', 'B=2'], 'the given configuration is not changed');
});

test('other instructions and bad lines are refused', () => {
  const rows: [string, RegExp][] = [
    ['RUN x', /^run is not a valid change command$/],
    ['FROM x', /^from is not a valid change command$/],
    ['ENV A', /^Syntax error - can't find = in "A"/],
    ['EXPOSE x', /^Invalid containerPort: x$/],
    ['EXPOSE 70000', /^Invalid containerPort: 70000$/],
    ['USER a b', /^USER requires exactly one argument$/],
    ['LABEL', /^LABEL requires at least one argument$/],
    ['ONBUILD ONBUILD RUN x', /^Chaining ONBUILD/],
    ['123', /^unknown instruction: 123$/],
  ];
  for (const [line, text] of rows) {
    assert.throws(
      () => applyChanges({}, [line]),
      (error: Error & { kind?: string }) => error.kind === 'invalidArgument' && text.test(error.message),
      line,
    );
  }
});

test.run();
