import type { ContainerState } from '../types/docker/container.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** A duration as Docker prints it: `3 seconds`, `About a minute`, `2 weeks`. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < minute) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / minute);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / hour + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.floor(seconds / day);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.floor(days / 7)} weeks`;
  if (days < 730) return `${Math.floor(days / 30)} months`;
  return `${Math.floor(days / 365)} years`;
}

/** The `Status` of a list row: `Up 5 minutes (healthy)`, `Exited (0) 3 seconds ago`. Seconds are its finest grain. */
export function statusText(state: ContainerState, nowMs: number): string {
  const since = (time: string) => humanDuration(Math.max(0, nowMs - Date.parse(time)));
  switch (state.Status) {
    case 'running':
      return `Up ${since(state.StartedAt)}${healthText(state)}`;
    case 'paused':
      return `Up ${since(state.StartedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
    case 'exited':
      return `Exited (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
    case 'created':
      return 'Created';
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    default:
      return state.Status satisfies never;
  }
}

function healthText({ Health }: ContainerState): string {
  if (!Health || Health.Status === 'none') return '';
  return Health.Status === 'starting' ? ' (health: starting)' : ` (${Health.Status})`;
}
