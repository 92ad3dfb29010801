/*
 * The images in memory. An image is known by its id (digest of its configuration); names (tags and digests, in normal form) point at ids. Everything that
 * answers a request reads from here; `store.ts` changes it after containerd has taken the change.
 */
import { invalidArgument, notFound } from '../errors/error.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import type { Image } from './contract.ts';
import {
  familiarName,
  isDigest,
  normalName,
  parseReference,
  repositoryOf,
  tryParseReference,
  withDefaultTag,
} from './reference.ts';

/** An image with what only this room needs. */
export interface ImageEntry extends Image {
  /** Id of the image it was committed from, or ''. */
  readonly parent: string;
  /** When it was last given a name; RFC 3339 or ''. */
  readonly lastTagTime: string;
  /** Names in normal form, oldest first: `docker.io/library/busybox:latest`, `docker.io/library/busybox@sha256:…`. */
  readonly names: readonly string[];
  /** True when containerd has a record named by the image's id, as for every image that came through this daemon. */
  readonly hasIdRecord: boolean;
}

/** What is known of an image apart from its names. */
export interface ImageFacts {
  id: string;
  manifest: Descriptor;
  config: ImageConfigBlob;
  chainId: string;
  size: number;
  parent: string;
  lastTagTime: string;
  hasIdRecord: boolean;
}

interface Slot {
  facts: ImageFacts;
  /** Normal name -> the manifest its record points at. */
  names: Map<string, Descriptor>;
  entry: ImageEntry | undefined;
}

/** See above. Not safe against containerd's opinion: only the store writes to it. */
export class ImageIndex {
  readonly #slots = new Map<string, Slot>();
  readonly #names = new Map<string, string>();

  /** Adds an image or replaces its facts; its names stay. */
  put(facts: ImageFacts): void {
    const slot = this.#slots.get(facts.id);
    this.#slots.set(facts.id, { facts, names: slot?.names ?? new Map(), entry: undefined });
  }

  /** Points a name at an image, away from the one that had it. */
  setName(name: string, id: string, target: Descriptor): void {
    this.removeName(name);
    const slot = this.#slots.get(id);
    if (!slot) throw notFound(`No such image: ${id}`);
    slot.names.set(name, target);
    slot.entry = undefined;
    this.#names.set(name, id);
  }

  /** Forgets a name; the image stays. */
  removeName(name: string): void {
    const slot = this.#slots.get(this.#names.get(name) ?? '');
    this.#names.delete(name);
    if (!slot) return;
    slot.names.delete(name);
    slot.entry = undefined;
  }

  /** Forgets an image and its names. */
  remove(id: string): void {
    for (const name of this.#slots.get(id)?.names.keys() ?? []) this.#names.delete(name);
    this.#slots.delete(id);
  }

  clear(): void {
    this.#slots.clear();
    this.#names.clear();
  }

  get(id: string): ImageEntry | undefined {
    const slot = this.#slots.get(id);
    if (!slot) return undefined;
    slot.entry ??= entryOf(slot);
    return slot.entry;
  }

  /** The image that has exactly this normal name. */
  byName(name: string): ImageEntry | undefined {
    const id = this.#names.get(name);
    return id === undefined ? undefined : this.get(id);
  }

  /** The manifest that the record of a name points at. */
  targetOf(name: string): Descriptor | undefined {
    return this.#slots.get(this.#names.get(name) ?? '')?.names.get(name);
  }

  all(): ImageEntry[] {
    return [...this.#slots.keys()].map((id) => this.get(id)!);
  }

  childrenOf(id: string): ImageEntry[] {
    return this.all().filter((image) => image.parent === id);
  }

  /** A name, `name@digest`, or a full or abbreviated id. */
  find(ref: string): ImageEntry | undefined {
    if (isDigest(ref)) return this.get(ref);
    if (/^[0-9a-f]{64}$/.test(ref)) return this.get(`sha256:${ref}`);
    const reference = tryParseReference(ref);
    if (reference) {
      // With both, the digest decides: Docker ignores the tag of `name:tag@digest`.
      const exact = reference.digest ? { ...reference, tag: undefined } : withDefaultTag(reference);
      const named = this.byName(normalName(exact));
      if (named) return named;
    }
    const prefix = ref.startsWith('sha256:') ? ref.slice('sha256:'.length) : ref;
    if (!/^[0-9a-f]+$/.test(prefix)) return undefined;
    const matches = [...this.#slots.keys()].filter((id) => id.startsWith(prefix, 'sha256:'.length));
    return matches.length === 1 ? this.get(matches[0]!) : undefined;
  }

  /** Like `find`; throws notFound with Docker's text, or invalidArgument for what can be no reference at all. */
  resolve(ref: string): ImageEntry {
    const found = this.find(ref);
    if (found) return found;
    throw notFound(`No such image: ${shown(ref)}`);
  }
}

/** Docker adds `latest` where a tag is missing, and refuses what is no reference. */
function shown(ref: string): string {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(ref) || ref.startsWith('sha256:')) return ref;
  if (ref === '') throw invalidArgument('invalid reference format');
  return familiarName(withDefaultTag(parseReference(ref)));
}

function entryOf({ facts, names }: Slot): ImageEntry {
  const tags: string[] = [];
  const repoDigests: string[] = [];
  for (const name of names.keys()) {
    const reference = tryParseReference(name);
    if (reference?.digest) repoDigests.push(familiarName({ ...reference, tag: undefined }));
    else if (reference) tags.push(familiarName(reference));
  }
  return { ...facts, tags: tags.sort(), repoDigests: repoDigests.sort(), names: [...names.keys()] };
}

/** True when a normal name carries a digest. */
export function isDigestName(name: string): boolean {
  return name.includes('@');
}

/** The repository of a normal name. */
export function repositoryOfName(name: string): string {
  return repositoryOf(parseReference(name));
}
