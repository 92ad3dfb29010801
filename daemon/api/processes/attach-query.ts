import { queryBoolean, queryText } from '../http/query.ts';
import type { ApiRequest } from '../http/route.ts';

/** What an attach asks for in its query. */
export function attachQuery({ query }: ApiRequest) {
  return {
    stdin: queryBoolean(query, 'stdin'),
    stdout: queryBoolean(query, 'stdout'),
    stderr: queryBoolean(query, 'stderr'),
    stream: queryBoolean(query, 'stream'),
    logs: queryBoolean(query, 'logs'),
    detachKeys: queryText(query, 'detachKeys'),
  };
}
