import { invalidArgument } from '../../errors/error.ts';

/** The newest API version that the daemon speaks; what requests without a version prefix get. */
export const newestVersion = '1.44';
/** The oldest one. */
export const oldestVersion = '1.24';

/** A request's path without its `/vN.N` prefix, and that version; undefined without a prefix. */
export interface VersionedUrl {
  readonly url: string;
  readonly version: string | undefined;
}

/** Takes `/v1.41` off a URL. What only looks like a prefix (`/volumes`) stays. */
export function splitVersion(url: string): VersionedUrl {
  if (url.charCodeAt(1) !== 118 /* v */) return { url, version: undefined };
  const match = /^\/v(\d[\d.]*)(\/.*)$/s.exec(url);
  return match ? { url: match[2] ?? '/', version: match[1] } : { url, version: undefined };
}

/** Throws invalidArgument with Docker's text for a version that is not spoken. */
export function checkVersion(version: string): void {
  if (isBefore(version, oldestVersion)) {
    throw invalidArgument(
      `client version ${version} is too old. Minimum supported API version is ${oldestVersion}, please upgrade your client to a newer version`,
    );
  }
  if (isBefore(newestVersion, version)) {
    throw invalidArgument(`client version ${version} is too new. Maximum supported API version is ${newestVersion}`);
  }
}

/** True when API version `a` is older than `b`: `isBefore('1.9', '1.41')`. */
export function isBefore(a: string, b: string): boolean {
  const left = a.split('.');
  const right = b.split('.');
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = Number(left[at] ?? 0) - Number(right[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
