/** One event as `GET /events` tells it. The lower-case twins (status, id, from) are for old clients. */
export interface EventMessage {
  status?: string;
  id?: string;
  from?: string;
  Type: EventType;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: 'local' | 'swarm';
  /** Seconds. */
  time: number;
  /** Nanoseconds; a number on the wire, so it is written as text by hand where precision matters. */
  timeNano: number;
}

export type EventType = 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'plugin' | 'builder';
