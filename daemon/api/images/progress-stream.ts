import type { ServerResponse } from 'node:http';
import { messageOf } from '../../errors/error.ts';
import type { ProgressMessage } from '../../types/docker/image.ts';
import type { ApiReply } from '../http/route.ts';

/**
 * Docker's progress answer: one JSON object a line. The 200 goes out with the first line, so what fails before it is an ordinary error answer, and what
 * fails after it is a line with `error`; with `streamsErrors` every failure is. Resolves when the answer has ended; `work` is cut off by the request's signal, not by this.
 */
export async function withProgress(
  reply: ApiReply,
  work: (progress: (message: ProgressMessage) => void) => Promise<void>,
  options: { streamsErrors?: boolean } = {},
): Promise<void> {
  let out: ServerResponse | undefined;
  const progress = (message: ProgressMessage) => {
    out ??= reply.startStream('application/json');
    if (!out.destroyed) out.write(`${JSON.stringify(message)}\r\n`);
  };
  try {
    await work(progress);
  } catch (error) {
    if (!out && !options.streamsErrors) throw error;
    const message = messageOf(error);
    const code = error instanceof Error && 'code' in error && typeof error.code === 'number' ? { code: error.code } : {}; // of a build's RUN
    progress({ errorDetail: { ...code, message }, error: message });
  }
  out ??= reply.startStream('application/json');
  out.end();
}
