/** One line of the table. `ratio` is ours divided by the peer's; absent where there is no peer. */
export interface Row {
  name: string;
  unit: string;
  ours: number;
  peer: number | undefined;
  ratio: number | undefined;
  goal: string;
  met: boolean | undefined;
}

/** What a row is held against: a ratio to the peer (at most, or at least where higher is better) or an absolute most. */
export interface Goal {
  ratio?: number;
  most?: number;
  higherIsBetter?: boolean;
}

/** Collects rows and prints them as one table; progress goes to stderr as rows come. */
export class Report {
  readonly rows: Row[] = [];
  readonly #notes: string[] = [];

  add(name: string, unit: string, goal: Goal, ours: number, peer?: number): void {
    const ratio = peer === undefined ? undefined : ours / peer;
    const row = { name, unit, ours, peer, ratio, goal: describe(goal), met: isMet(goal, ours, ratio) };
    this.rows.push(row);
    process.stderr.write(`${line(row)}\n`);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  text(): string {
    const head = `${'what'.padEnd(40)} ${'unit'.padEnd(4)} ${'pouchd'.padStart(10)} ${'dockerd'.padStart(10)} ${'ratio'.padStart(7)}  goal`;
    return `${[head, ...this.rows.map(line), ...this.#notes.map((note) => `note: ${note}`)].join('\n')}\n`;
  }
}

function describe(goal: Goal): string {
  if (goal.ratio !== undefined) return `${goal.higherIsBetter ? '>=' : '<='} ${goal.ratio} x`;
  return goal.most === undefined ? '' : `<= ${goal.most}`;
}

function isMet(goal: Goal, ours: number, ratio: number | undefined): boolean | undefined {
  if (goal.ratio !== undefined && ratio !== undefined) return goal.higherIsBetter ? ratio >= goal.ratio : ratio <= goal.ratio;
  return goal.most === undefined ? undefined : ours <= goal.most;
}

function line(row: Row): string {
  const number = (value: number | undefined) =>
    (value === undefined ? '-' : value >= 1000 ? value.toFixed(0) : value.toPrecision(3)).padStart(10);
  const verdict = row.met === undefined ? '' : row.met ? 'met' : 'MISSED';
  const ratio = (row.ratio === undefined ? '-' : row.ratio.toFixed(2)).padStart(7);
  return `${row.name.padEnd(40)} ${row.unit.padEnd(4)} ${number(row.ours)} ${number(row.peer)} ${ratio}  ${row.goal} ${verdict}`.trimEnd();
}
