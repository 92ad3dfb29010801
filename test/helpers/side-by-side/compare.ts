/*
 * Compares what two engines answered to the same request: status, headers, and the body as JSON, JSON lines, multiplexed frames or text. What must differ (ids, times, counters) is
 * masked first; where the masked values are equal nothing is said. Differences come as lines `PLACE: ours X, theirs Y`.
 */
import type { Reply } from './exchange.ts';

/** Headers that are about the connection or the moment. */
const loose = new Set(['date', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'server', 'api-version']);

/** Numbers that nobody expects to be equal, by key. */
const volatile =
  /^(Pid|Created|Size|SizeRw|SizeRootFs|VirtualSize|SharedSize|LayersSize|time|timeNano|NFd|NGoroutines|NEventsListener|MemTotal|current|total|start|size|usage|max_usage|Images|system_cpu_usage|total_usage|mtime)$/;

/** Lists whose order Docker leaves to chance. */
const unordered = /^(Ports|Volumes|VolumesDeleted|NetworksDeleted|ContainersDeleted|ImagesDeleted|Images|Mounts|Links)$/;

/** How two answers are compared. */
export interface CompareOptions {
  /** The list that the body is has no order. */
  readonly isUnordered?: boolean;
  /** Only keys and JSON types count, not values. */
  readonly isShapeOnly?: boolean;
  /** Only status and headers count. */
  readonly isHeadOnly?: boolean;
}

/** The differences between two answers. */
export function compareReplies(ours: Reply, theirs: Reply, options: CompareOptions = {}): string[] {
  const found: string[] = [];
  if (ours.status !== theirs.status) found.push(`status: ours ${ours.status}, theirs ${theirs.status}`);
  const [left, right] = [decoded(ours), decoded(theirs)];
  for (const name of new Set([...Object.keys(ours.headers), ...Object.keys(theirs.headers)])) {
    if (loose.has(name)) continue;
    if (left[name] !== right[name]) found.push(`header ${name}: ours ${left[name]}, theirs ${right[name]}`);
  }
  const [mine, other] = [ours, theirs].map(({ body }) => body.at(-1) === 10);
  if (mine !== other && !options.isHeadOnly) found.push(`newline at the end: ours ${mine}, theirs ${other}`);
  if (!options.isHeadOnly)
    new Comparison(found, options).values(bodyOf(ours), bodyOf(theirs), '', options.isUnordered ? 'Ports' : '');
  return found;
}

/** Masked headers; what Docker tells of a file is base64 in one. */
function decoded({ headers }: Reply): Record<string, unknown> {
  const shown = (name: string, value: string) => (name.endsWith('path-stat') ? Buffer.from(value, 'base64').toString() : value);
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, masked(shown(name, value))]));
}

/** A body as a value that can be compared. */
export function bodyOf({ headers, body }: Reply): unknown {
  const text = body.toString();
  if (body.length === 0) return '';
  if (body.length > 8 && body.readUInt32BE(0) <= 2 << 24 && body[0]! <= 2 && body[1] === 0 && body[2] === 0) {
    const frames = framesOf(body);
    if (frames) return frames;
  }
  if (headers['content-type'] === 'application/x-tar' || body.includes(0)) return `<${body.length > 0 ? 'some' : 'no'} bytes>`;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      return text;
    }
  }
}

/** Frames of one stream that follow each other count as one. */
function framesOf(body: Buffer): [number, string][] | undefined {
  const frames: [number, string][] = [];
  for (let at = 0; at < body.length; ) {
    if (at + 8 > body.length) return undefined;
    const stream = body[at] ?? 9;
    const size = body.readUInt32BE(at + 4);
    if (stream > 2 || at + 8 + size > body.length) return undefined;
    const text = body.toString('utf8', at + 8, at + 8 + size);
    const last = frames.at(-1);
    if (last?.[0] === stream) last[1] += text;
    else frames.push([stream, text]);
    at += 8 + size;
  }
  return frames;
}

class Comparison {
  readonly #found: string[];
  readonly #isShapeOnly: boolean;

  constructor(found: string[], { isShapeOnly = false }: CompareOptions) {
    this.#found = found;
    this.#isShapeOnly = isShapeOnly;
  }

  /** `key` is the last name on the way to the values. */
  values(ours: unknown, theirs: unknown, at: string, key: string): void {
    const kind = kindOf(ours);
    if (kind !== kindOf(theirs)) this.#tell(at, ours, theirs);
    else if (Array.isArray(ours) && Array.isArray(theirs)) this.#lists(ours, theirs, at, key);
    else if (kind === 'object') this.#objects(keysOf(ours), keysOf(theirs), at);
    else if (this.#isShapeOnly || (kind === 'number' && volatile.test(key))) return;
    else if (ours !== theirs && masked(ours) !== masked(theirs)) this.#tell(at, ours, theirs);
  }

  #lists(ours: unknown[], theirs: unknown[], at: string, key: string): void {
    if (ours.length !== theirs.length && !this.#isShapeOnly) this.#tell(`${at}.length`, ours, theirs);
    const order = (list: unknown[]) =>
      unordered.test(key)
        ? list
            .map((one) => [orderOf(one), one] as const)
            .sort(byFirst)
            .map(([, one]) => one)
        : list;
    const [left, right] = [order(ours), order(theirs)];
    for (let index = 0; index < Math.min(left.length, right.length); index += 1)
      this.values(left[index], right[index], `${at}[${index}]`, key);
  }

  #objects(ours: Record<string, unknown>, theirs: Record<string, unknown>, at: string): void {
    for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      const place = `${at}.${name}`;
      if (!(name in ours)) this.#found.push(`${place}: ours missing, theirs ${show(theirs[name])}`);
      else if (!(name in theirs)) this.#found.push(`${place}: ours ${show(ours[name])}, theirs missing`);
      else this.values(ours[name], theirs[name], place, name);
    }
  }

  #tell(at: string, ours: unknown, theirs: unknown): void {
    this.#found.push(`${at || 'body'}: ours ${show(ours)}, theirs ${show(theirs)}`);
  }
}

const byFirst = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);

/** What lists without an order are sorted by: names and ports, as far as they do not differ from run to run. */
function orderOf(one: unknown): string {
  if (typeof one !== 'object' || one === null) return String(masked(String(one)));
  const { Name, Names, RepoTags, PrivatePort, PublicPort, Type, IP, Destination, status, id } = one as Record<string, unknown>;
  return JSON.stringify([Destination, status, id, masked(Name), Names, RepoTags, PrivatePort, PublicPort, Type, IP]);
}

/** An object with its keys masked too: networks and containers are keyed by id. */
function keysOf(value: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [String(masked(key)), one]));
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text && text.length > 300 ? `${text.slice(0, 300)}…` : (text ?? 'nothing');
}

/** A text without what differs from run to run. */
export function masked(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value
    .replace(/\b[0-9a-f]{64}\b/g, '<id>')
    .replace(/\b[0-9a-f]{12}\b/g, '<short>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (time) => (time.startsWith('0001') ? time : '<time>'))
    .replace(/\/\S*\/(containers|volumes)\//g, '<root>/$1/')
    .replace(/\b172\.\d+\.\d+\.\d+\b/g, '<address>')
    .replace(/\b02:42(:[0-9a-f]{2}){4}\b/g, '<mac>')
    .replace(/\b(Less than a second|About a minute|\d+ (seconds?|minutes?))\b/g, '<while>')
    .replace(/^\d+$/, '<number>');
}
