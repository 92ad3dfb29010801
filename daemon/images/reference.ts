/*
 * Names of images. A reference is `[domain/]path[:tag][@digest]`; the normal form spells out `docker.io/library/…`, the familiar form is what Docker's clients show.
 * containerd's records carry the normal form, everything a user sees the familiar one.
 */
import { invalidArgument } from '../errors/error.ts';

/** A parsed name in normal form. Without a tag and a digest it names a repository. */
export interface Reference {
  /** `docker.io`, `127.0.0.1:5000`. */
  readonly domain: string;
  /** Path within the registry: `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const defaultDomain = 'docker.io';
const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(`^(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const sha256Pattern = /^sha256:[0-9a-f]{64}$/;

/** True for `sha256:` and 64 lower-case hex digits. */
export function isDigest(text: string): boolean {
  return sha256Pattern.test(text);
}

/** Parses a name as a user writes it. Throws invalidArgument with Docker's texts (`invalid reference format`, …). */
export function parseReference(text: string): Reference {
  const bad = (reason = 'invalid reference format') => invalidArgument(reason);
  if (/^[a-f0-9]{64}$/.test(text)) throw bad(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !digestPattern.test(digest)) throw bad();
  if (digest?.startsWith('sha256:') && !isDigest(digest)) throw bad('invalid checksum digest length');
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const name = hasTag ? named.slice(0, colon) : named;
  if (tag !== undefined && !tagPattern.test(tag)) throw bad();

  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  let domain = isDomain ? first : defaultDomain;
  if (domain === 'index.docker.io') domain = defaultDomain;
  let path = isDomain ? name.slice(slash + 1) : name;
  if (path.toLowerCase() !== path) throw bad('invalid reference format: repository name must be lowercase');
  if (domain === defaultDomain && !path.includes('/')) path = `library/${path}`;
  if (!domainPattern.test(domain) || !pathPattern.test(path)) throw bad();
  if (domain.length + 1 + path.length > 255) throw bad('repository name must not be more than 255 characters');
  return { domain, path, tag, digest };
}

/** A tag on its own. Throws invalidArgument with Docker's text. */
export function checkTag(tag: string): string {
  if (!tagPattern.test(tag)) throw invalidArgument('invalid tag format');
  return tag;
}

/** Like `parseReference`, or undefined where that throws: for texts that may just as well be ids. */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** Adds `latest` to a name without tag and digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag || reference.digest ? reference : { ...reference, tag: 'latest' };
}

/** `docker.io/library/busybox`. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The full normal form, as containerd's records are named: `docker.io/library/busybox:latest`. */
export function normalName(reference: Reference): string {
  return repositoryOf(reference) + suffixOf(reference);
}

/** The repository as Docker's clients show it: `busybox`, `127.0.0.1:5000/a`. */
export function familiarRepository(reference: Reference): string {
  if (reference.domain !== defaultDomain) return repositoryOf(reference);
  const short = reference.path.replace(/^library\//, '');
  return short.includes('/') ? reference.path : short; // library/a/b keeps its first part
}

/** The whole name as Docker's clients show it: `busybox:latest`. */
export function familiarName(reference: Reference): string {
  return familiarRepository(reference) + suffixOf(reference);
}

function suffixOf({ tag, digest }: Reference): string {
  return (tag ? `:${tag}` : '') + (digest ? `@${digest}` : '');
}
