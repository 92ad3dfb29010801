import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseFilters } from '../../../daemon/grpc/containerd-filter.ts';

const object: Record<string, string> = { type: 'io.pouchd.grpc.v1', id: 'tasks', empty: '', 'labels."a.b"': 'x,y' };
const matches = (...filters: string[]) => parseFilters(filters)((field) => object[field]);

test('filters of containerd: the parts of one must all hold, of several one', () => {
  const cases: [string[], boolean][] = [
    [[], true],
    [[''], true],
    [['id==tasks'], true],
    [['id==task'], false],
    [['id!=task'], true],
    [['id=="tasks"'], true],
    [['id~=^ta'], true],
    [['id~="^(x|tasks)$"'], true],
    [['id~=/^x/'], false],
    [['id~=|sk|'], true],
    [['type==io.pouchd.grpc.v1,id==tasks'], true],
    [['type==io.pouchd.grpc.v1,id==x'], false],
    [['id==x', 'id==tasks'], true],
    [['id==x', 'id==y'], false],
    [['id'], true],
    [['empty'], false],
    [['missing'], false],
    [['missing!=x'], true],
    [['missing~=.*'], false],
    [['labels."a.b"=="x,y"'], true],
  ];
  for (const [filters, expected] of cases) assert.is(matches(...filters), expected, JSON.stringify(filters));
});

test('a filter that cannot be read is refused with its text', () => {
  for (const filter of ['==x', 'id=x', 'id==a b', 'id==a,', 'id=="open', 'id~=(']) {
    assert.throws(
      () => parseFilters([filter]),
      (error: Error) => error.message.includes(`cannot read filter ${JSON.stringify(filter)}`),
      filter,
    );
  }
});

test.run();
