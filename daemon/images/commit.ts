import { randomUUID } from 'node:crypto';
import { internal } from '../errors/error.ts';
import { nowText } from '../lib/time.ts';
import { engineVersion } from '../lib/version.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import { assemble, underLease } from './assemble.ts';
import type { CommitRequest, Image } from './contract.ts';
import type { ImageEntry } from './image-index.ts';
import { initKeyOf } from './init-layer.ts';
import { type ManifestBlob, mediaTypes } from './media-types.ts';
import { normalName, parseReference, withDefaultTag } from './reference.ts';
import { type ImagesRoom, imageEvent } from './room.ts';

/** The diff id of a tar without entries. */
const emptyLayer = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** See ImageService.commit. The new layer is what differs from the init layer, packed by containerd; the parent's layers are shared. */
export async function commitImage(room: ImagesRoom, request: CommitRequest): Promise<Image> {
  const names = request.ref ? [normalName(withDefaultTag(parseReference(request.ref)))] : [];
  const { signal } = request;
  const parent = room.index.resolve(request.parent.id); // a push may have packed its layers, or it may be gone: Docker refuses too
  const snapshotter = request.snapshotter || room.config.snapshotter;
  const image = await underLease(
    room,
    async (lease): Promise<ImageEntry> => {
      const manifest = await room.client.readJson<ManifestBlob>(parent.manifest.digest, { signal });
      const isOci = parent.manifest.mediaType === mediaTypes.ociManifest;
      const { layer, diffId } = await diffLayer(room, request, { snapshotter, lease });
      const type = isOci ? mediaTypes.ociLayerGzip : mediaTypes.dockerLayerGzip;
      const isEmpty = diffId === emptyLayer;
      const layers = isEmpty ? manifest.layers : [...manifest.layers, { ...layer, mediaType: type }];
      const config = Buffer.from(JSON.stringify(configOf(request, isEmpty ? undefined : diffId)));
      return await assemble(room, { config, layers }, { lease, names, snapshotter, parent: parent.id, signal });
    },
    { signal },
  );
  if (request.ref) imageEvent(room, 'tag', { id: image.id, name: request.ref });
  return image;
}

/** The container's changes as a packed layer in the content store. */
async function diffLayer(
  room: ImagesRoom,
  { key, parent, signal }: CommitRequest,
  { snapshotter, lease }: { snapshotter: string; lease: string },
): Promise<{ layer: Descriptor; diffId: string }> {
  const { client } = room;
  const view = `pouch-view-${randomUUID()}`;
  const { mounts: right } = await client.snapshots.mounts({ snapshotter, key }, { signal });
  const { mounts: left } = await client.snapshots.view(
    { snapshotter, key: view, parent: initKeyOf(parent.chainId) },
    { lease, signal },
  );
  try {
    const { diff } = await client.diff.diff({ left, right, mediaType: mediaTypes.ociLayerGzip, ref: view }, { lease, signal });
    if (!diff) throw internal(`containerd made no layer of ${key}`);
    const { info } = await client.content.info({ digest: diff.digest }, { signal });
    const diffId = info?.labels['containerd.io/uncompressed'];
    if (!diffId) throw internal(`containerd did not tell the diff id of ${diff.digest}`);
    return { layer: { mediaType: diff.mediaType, digest: diff.digest, size: diff.size }, diffId };
  } finally {
    await client.snapshots.remove({ snapshotter, key: view }, {}).catch(() => undefined); // the lease's end takes what is left
  }
}

/** Without a diff id nothing has changed: the step is told, but adds no layer. */
function configOf(request: CommitRequest, diffId: string | undefined): ImageConfigBlob {
  const { parent } = request;
  const created = nowText();
  const { container_config: _old, ...base } = parent.config;
  return {
    ...base,
    created,
    author: request.author || parent.config.author,
    config: request.config,
    container: request.containerId,
    container_config: request.containerConfig,
    docker_version: engineVersion,
    rootfs: { type: 'layers', diff_ids: [...parent.config.rootfs.diff_ids, ...(diffId ? [diffId] : [])] },
    history: [
      ...(parent.config.history ?? []),
      {
        created,
        created_by: request.createdBy,
        author: request.author || undefined,
        comment: request.comment || undefined,
        empty_layer: diffId ? undefined : true,
      },
    ],
  };
}
