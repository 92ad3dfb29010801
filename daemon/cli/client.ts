import { type IncomingMessage, request } from 'node:http';
import { unavailable } from '../errors/error.ts';

/** A refusal by the daemon. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** Where the daemon is when neither -H nor POUCH_HOST nor DOCKER_HOST says. */
export const defaultHost = 'unix:///var/run/pouchd.sock';

/** Makes GET calls to a daemon on a unix socket or on plain tcp. */
export class ApiClient {
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  /** One answer as JSON. Throws ApiError for a refusal, `unavailable` when nobody is there. */
  async get<T>(path: string): Promise<T> {
    let text = '';
    for await (const chunk of await this.stream(path)) text += String(chunk);
    return JSON.parse(text) as T; // the caller knows what the endpoint answers
  }

  /** One answer as it comes. */
  async stream(path: string): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call = request({ ...this.#address(), path, agent: false }, (answer) => {
      if ((answer.statusCode ?? 0) < 400) resolve(answer);
      else refusal(answer).then(reject, reject);
    });
    call.on('error', (error) =>
      reject(unavailable(`cannot reach the daemon at ${this.#host}: ${error.message}; is it running?`, error)),
    );
    call.end();
    return await promise;
  }

  #address(): { socketPath: string } | { host: string; port: number } {
    if (this.#host.startsWith('unix://')) return { socketPath: this.#host.slice('unix://'.length) };
    const url = new URL(this.#host.replace(/^tcp:/, 'http:'));
    return { host: url.hostname, port: Number(url.port) };
  }
}

async function refusal(answer: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  try {
    const { message } = JSON.parse(text) as { message?: string }; // Docker's error object
    return new ApiError(answer.statusCode ?? 0, message ?? text);
  } catch {
    return new ApiError(answer.statusCode ?? 0, text);
  }
}
