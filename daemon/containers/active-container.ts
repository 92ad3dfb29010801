import { conflict } from '../errors/error.ts';
import type { LiveContainer } from './live.ts';

/** Throws conflict with Docker's text unless the container runs (paused counts as running). */
export function mustRun({ record }: LiveContainer): void {
  if (record.state.Restarting) throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
  if (!record.state.Running) throw conflict(`Container ${record.id} is not running`);
}

/** The same, and throws for a paused container: `Container NAME is paused, unpause the container before WHAT`. */
export function mustBeActive(container: LiveContainer, what: string): void {
  const { record } = container;
  if (!record.state.Running && !record.state.Restarting) throw conflict(`Container ${record.id} is not running`);
  if (record.state.Paused) throw conflict(`Container ${record.name} is paused, unpause the container before ${what}`);
  mustRun(container);
}
