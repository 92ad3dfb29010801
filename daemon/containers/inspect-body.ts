import { inspect } from './inspect.ts';
import type { Room } from './room.ts';

const maxBodies = 16;

/** Inspect as bytes for the HTTP door: clients ask again and again for the same container, so the last few answers are kept until anything in the table changes. */
export class InspectBodies {
  readonly #room: Room;
  readonly #bodies = new Map<string, Buffer>();
  #version = -1;

  constructor(room: Room) {
    this.#room = room;
  }

  /** The answer's bytes; shared between requests, not to be changed. Throws notFound. */
  async body(ref: string, options: { size: boolean; apiVersion: string }): Promise<Buffer> {
    const { table } = this.#room;
    const container = table.resolve(ref);
    if (options.size) return encode(await inspect(this.#room, container, options));
    const { version } = table;
    if (version !== this.#version || this.#bodies.size >= maxBodies) this.#bodies.clear();
    this.#version = version;
    const key = [container.record.id, options.apiVersion, ...container.execs].join(' '); // execs come and go without a change of the record
    const known = this.#bodies.get(key);
    if (known) return known;
    const body = encode(await inspect(this.#room, container, options));
    if (table.version === version && this.#version === version) this.#bodies.set(key, body);
    return body;
  }
}

function encode(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
