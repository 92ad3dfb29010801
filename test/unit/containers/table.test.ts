import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerRecord } from '../../../daemon/containers/contract.ts';
import { InspectBodies } from '../../../daemon/containers/inspect-body.ts';
import { ContainerList } from '../../../daemon/containers/list.ts';
import type { Room } from '../../../daemon/containers/room.ts';
import { createdState, setRunning } from '../../../daemon/containers/state.ts';
import { Table } from '../../../daemon/containers/table.ts';
import { isKind } from '../../../daemon/errors/error.ts';
import type { EventInput } from '../../../daemon/events/contract.ts';
import { nowText } from '../../../daemon/lib/time.ts';

function record(id: string, name: string, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    id,
    name,
    created: `2026-01-01T00:00:0${id.slice(-1)}Z`,
    config: { Labels: { l: name } },
    hostConfig: {},
    args: ['sh', '-c', 'true x'],
    imageId: 'sha256:i',
    imageRef: 'busybox',
    snapshotter: 'overlayfs',
    runtime: 'runc',
    state: createdState(),
    restartCount: 0,
    hasBeenManuallyStopped: false,
    hasBeenStartedBefore: false,
    mounts: [],
    networks: {},
    ports: {},
    sandboxId: '',
    sandboxKey: '',
    logPath: '',
    prestart: [],
    processLabel: '',
    appArmorProfile: '',
    ...changes,
  };
}

/** A table over a map, and what it published. */
function fixture() {
  const saved = new Map<string, unknown>();
  const events: EventInput[] = [];
  const images = { find: () => ({ id: 'sha256:i', size: 3 }), rootfsMounts: async () => [] };
  const deps = {
    root: '/r',
    state: '/s',
    store: {
      put: (_table: string, id: string, value: unknown) => saved.set(id, value),
      delete: (_table: string, id: string) => saved.delete(id),
    },
    events: { publish: (event: EventInput) => events.push(event) },
    images,
    stdio: {},
  };
  const table = new Table(deps as unknown as ConstructorParameters<typeof Table>[0]);
  const room = { table, images, networks: { find: () => undefined } } as unknown as Room;
  return { table, saved, events, list: new ContainerList(room), inspects: new InspectBodies(room) };
}

const a1 = `aa${'0'.repeat(61)}1`;
const a2 = `aa${'0'.repeat(61)}2`;

test('containers are found by id, name with or without slash, and unique prefix', () => {
  const { table } = fixture();
  table.add(record(a1, 'one'));
  table.add(record(a2, 'aa'));
  assert.equal(
    [a1, 'one', '/one', 'aa'].map((ref) => table.resolve(ref).record.id),
    [a1, a1, a1, a2],
  );
  assert.throws(() => table.resolve('aa0'), /multiple IDs found with provided prefix: aa0/);
  assert.throws(
    () => table.resolve('zz'),
    (error: unknown) => isKind(error, 'notFound') && String(error).includes('No such container: zz'),
  );
});

test('a name is reserved before its container exists, and free again after it', () => {
  const { table, saved } = fixture();
  table.reserve('web', a1);
  assert.throws(() => table.reserve('web', a2), `The container name "/web" is already in use by container "${a1}"`);
  assert.ok(table.isOwner(a1));
  const container = table.add(record(a1, 'web'));
  table.save(container);
  assert.ok(saved.has(a1));
  table.drop(container);
  assert.equal([table.isTaken('web'), table.isOwner(a1), saved.size], [false, false, 0]);
});

test('events carry the labels, the image and the name', () => {
  const { table, events } = fixture();
  table.event(table.add(record(a1, 'one')), 'die', { exitCode: '3' });
  assert.equal(events, [
    { type: 'container', action: 'die', id: a1, attributes: { l: 'one', image: 'busybox', name: 'one', exitCode: '3' } },
  ]);
});

test('the list is the same bytes until something changes, newest first, only what runs unless told', async () => {
  const { table, list } = fixture();
  const one = table.add(record(a1, 'one'));
  table.add(record(a2, 'two'));
  const names = async (options: Parameters<ContainerList['body']>[0]) =>
    (JSON.parse((await list.body(options)).toString()) as { Names: string[]; Command: string }[]).map((row) => row.Names[0]);
  assert.equal(await names({ all: true }), ['/two', '/one']);
  assert.equal(await names({}), []);
  setRunning(one.record.state, { pid: 5, startedAt: nowText() });
  table.save(one);
  assert.equal(await names({}), ['/one']);
  assert.equal(await names({ all: true, filters: { label: ['l=two'] } }), ['/two']);
  assert.equal(await names({ filters: { status: ['created'] } }), ['/two']);
  assert.equal(await names({ limit: 1 }), ['/two']);
  const [row] = await list.list({});
  assert.equal([row?.Command, row?.State, row?.Image], ["sh -c 'true x'", 'running', 'busybox']);
});

test('inspect is the same bytes until something changes, for one version of the API and the same execs', async () => {
  const { table, inspects } = fixture();
  const one = table.add(record(a1, 'one'));
  const inspect = (apiVersion = '1.44') => inspects.body(a1, { size: false, apiVersion });
  const first = await inspect();
  assert.is(await inspect(), first);
  assert.is.not(await inspect('1.24'), first);
  setRunning(one.record.state, { pid: 0, startedAt: nowText() });
  table.save(one);
  const read = (body: Buffer) => JSON.parse(body.toString()) as { State: { Running: boolean }; ExecIDs: string[] | null };
  assert.is(read(await inspect()).State.Running, true);
  one.execs.add('e1');
  assert.equal(read(await inspect()).ExecIDs, ['e1']);
});

test.run();
