import type { IncomingMessage } from 'node:http';
import type { ApiCall } from '../../../hookplugins/shapes.ts';

/** What an authorizer is told about an answer. `body` is undefined for streams. */
export interface GateAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer | undefined;
}

/**
 * Judges requests and answers: Docker's authorization plugins, or anything of that form. Refuses by throwing `forbidden`. Only routed requests come here, after the
 * version check and with their JSON body.
 */
export interface RequestGate {
  /** False while there is nobody to ask: then nothing is collected for it. */
  readonly isActive: boolean;
  request(call: ApiCall, raw: IncomingMessage, body: Buffer | undefined): Promise<void>;
  response(call: ApiCall, raw: IncomingMessage, body: Buffer | undefined, answer: GateAnswer): Promise<void>;
}

/** Lets everything pass. */
export const openGate: RequestGate = {
  isActive: false,
  async request() {},
  async response() {},
};
