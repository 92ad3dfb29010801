import { invalidArgument, notFound } from '../errors/error.ts';
import type { Descriptor, Platform } from '../types/docker/image.ts';

const architectureNames: Record<string, string> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
  i386: '386',
};

/** The platform that this machine runs. */
export function hostPlatform(): Platform {
  return process.arch === 'arm64'
    ? { os: 'linux', architecture: 'arm64', variant: 'v8' }
    : { os: 'linux', architecture: 'amd64' };
}

/** Reads `os[/arch[/variant]]` or an architecture alone. Throws invalidArgument with Docker's words. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) {
    throw invalidArgument(`"${text}": platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument`);
  }
  const host = hostPlatform();
  if (parts.length === 1 && parts[0] !== 'linux' && parts[0] !== 'windows')
    return normalise({ os: 'linux', architecture: parts[0]! });
  return normalise({ os: parts[0]!, architecture: parts[1] ?? host.architecture, variant: parts[2] });
}

function normalise(platform: Platform): Platform {
  const named = platform.architecture;
  const architecture = architectureNames[named] ?? named;
  let variant = platform.variant;
  if (architecture === 'arm64' && (variant === undefined || variant === '' || variant === '8')) variant = 'v8';
  if (architecture === 'arm' && !variant) variant = named === 'armel' ? 'v6' : 'v7';
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  return variant ? { os: platform.os, architecture, variant } : { os: platform.os, architecture };
}

/** True when an image of `have` runs where `want` is asked for: same system and architecture, and no newer variant. */
export function platformFits(have: Platform, want: Platform): boolean {
  return rank(normalise(have), normalise(want)) >= 0;
}

/** How well `have` serves `want`: higher is better, -1 not at all. */
function rank(have: Platform, want: Platform): number {
  if (have.os !== want.os || have.architecture !== want.architecture) return -1;
  const haveVersion = Number(have.variant?.slice(1) ?? 0);
  const wantVersion = Number(want.variant?.slice(1) ?? 0);
  if (Number.isNaN(haveVersion) || Number.isNaN(wantVersion)) return have.variant === want.variant ? 100 : -1;
  if (want.architecture === 'amd64' && want.variant === undefined) return haveVersion === 0 ? 100 : -1;
  return haveVersion > wantVersion ? -1 : 100 - (wantVersion - haveVersion);
}

/** The manifest of an index that serves the platform best. Attestations (`unknown/unknown`) are no images. Throws notFound with Docker's text. */
export function choosePlatform(manifests: readonly Descriptor[], want: Platform): Descriptor {
  const images = manifests.filter(
    (one) => one.platform?.os !== 'unknown' && one.annotations?.['vnd.docker.reference.type'] === undefined,
  );
  const wanted = normalise(want);
  let best: { descriptor: Descriptor; rank: number } | undefined;
  for (const descriptor of images) {
    const score = descriptor.platform ? rank(normalise(descriptor.platform), wanted) : images.length === 1 ? 0 : -1;
    if (score >= 0 && (best === undefined || score > best.rank)) best = { descriptor, rank: score };
  }
  if (!best) throw notFound(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`);
  return best.descriptor;
}

/** `linux/arm64/v8`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}
