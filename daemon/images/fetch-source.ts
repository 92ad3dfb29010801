import { invalidArgument } from '../errors/error.ts';
import { discard, HttpClient } from './registry/http.ts';

/** The bytes behind a URL that a user named as the source of an import or a build. Throws invalidArgument with Docker's words when there are none. */
export async function fetchSource(source: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const url = URL.parse(/^[a-z]+:\/\//i.test(source) ? source : `http://${source}`);
  if (!url || !/^https?:$/.test(url.protocol)) throw invalidArgument(`invalid URL: ${source}`);
  const http = new HttpClient();
  try {
    const response = await http.send({ method: 'GET', url, signal });
    if (response.status >= 400) {
      await discard(response);
      throw invalidArgument(`Got HTTP status code >= 400: ${response.status}`);
    }
    return closing(response.body as AsyncIterable<Uint8Array>, http);
  } catch (error) {
    http.close();
    throw error;
  }
}

async function* closing(body: AsyncIterable<Uint8Array>, http: HttpClient): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } finally {
    http.close();
  }
}
