import type { IForbiddenRuleType } from 'dependency-cruiser';
import { floors, packageRooms, type Room, roomPattern } from './floors.ts';

const anyRoom = '^(daemon|hookplugins)/';

/** The dependency rules that follow from the floors; each rule's name and comment are what a violation prints. */
export function floorRules(): IForbiddenRuleType[] {
  const rules: IForbiddenRuleType[] = [];
  floors.forEach((rooms, floor) => {
    for (const room of rooms) {
      const closed: Room[] = floors
        .slice(floor)
        .flat()
        .filter((other) => other !== room);
      if (closed.length === 0) continue;
      rules.push({
        name: `floor-${floor + 1}-${room}`,
        comment: `${room} is on floor ${floor + 1} and imports lower floors only; let boot hand the rest in through an interface that ${room} declares`,
        severity: 'error',
        from: { path: roomPattern(room) },
        to: { path: closed.map(roomPattern) },
      });
    }
  });
  for (const { package: name, rooms } of packageRooms) {
    rules.push({
      name: `only-${rooms.join('-')}-import-${name}`,
      comment: `${name} is imported by ${rooms.join(', ')} only`,
      severity: 'error',
      from: { path: anyRoom, pathNot: rooms.map(roomPattern) },
      to: { path: `^node_modules/${name}/`, dependencyTypesNot: ['type-only'] },
    });
  }
  rules.push(
    {
      name: 'product-apart',
      comment: 'the product never imports test, build or hack',
      severity: 'error',
      from: { path: anyRoom },
      to: { path: '^(test|build|hack)/' },
    },
    {
      name: 'plugin-uses-the-public-api',
      comment:
        'a plugin that ships in the tree is an ordinary package: it imports @pouchd/hookplugins, its own files and npm packages',
      severity: 'error',
      from: { path: '^hookplugins/([^/]+)/' },
      to: { path: ['^daemon/', '^hookplugins/[^/]+/'], pathNot: '^hookplugins/$1/' },
    },
    {
      name: 'no-cycle',
      comment: 'files do not import each other in a circle (types may)',
      severity: 'error',
      from: { path: '^(daemon|hookplugins|build|hack)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'the imported file or package is not there',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  );
  return rules;
}
