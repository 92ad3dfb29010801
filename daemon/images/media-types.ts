import type { Descriptor } from '../types/docker/image.ts';

/** Media types of manifests, indexes, configurations and layers, Docker's and OCI's. */
export const mediaTypes = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  schema1: 'application/vnd.docker.distribution.manifest.v1+json',
  schema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

/** What a registry may answer for a manifest, best first. */
export const acceptedManifests = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.schema1Signed,
  mediaTypes.schema1,
].join(', ');

/** A manifest of one image, as the wire has it. */
export interface ManifestBlob {
  schemaVersion: number;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

/** A list of manifests, one for each platform. */
export interface IndexBlob {
  schemaVersion: number;
  mediaType?: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

/** True for a manifest list or an OCI index. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerIndex || mediaType === mediaTypes.ociIndex;
}

/** True for a manifest of one image (not schema 1). */
export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerManifest || mediaType === mediaTypes.ociManifest;
}

/** What a manifest blob is by its own words, where a registry or an archive does not say. */
export function manifestTypeOf(blob: Partial<ManifestBlob & IndexBlob>): string | undefined {
  if (blob.mediaType) return blob.mediaType;
  if (blob.schemaVersion === 1) return mediaTypes.schema1;
  if (Array.isArray(blob.manifests)) return mediaTypes.ociIndex;
  return blob.config && Array.isArray(blob.layers) ? mediaTypes.ociManifest : undefined;
}

/** True for layers that are stored as a plain tar. */
export function isUncompressed(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerLayer || mediaType === mediaTypes.ociLayer;
}

/** The layer type for a compression as `sniff` tells it. */
export function layerType(family: 'docker' | 'oci', compression: 'none' | 'gzip' | 'zstd'): string {
  if (compression === 'zstd') return mediaTypes.ociLayerZstd;
  if (family === 'docker') return compression === 'gzip' ? mediaTypes.dockerLayerGzip : mediaTypes.dockerLayer;
  return compression === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayer;
}
