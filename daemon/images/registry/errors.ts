import { internal, PouchError } from '../../errors/error.ts';
import { describe, type HttpRequest, type HttpResponse, readAll } from './http.ts';

/** A registry's refusal: `code` as the protocol names it (`MANIFEST_UNKNOWN`), message as Docker prints it (`manifest unknown: …`). */
export class RegistryError extends PouchError {
  readonly code: string;
  readonly status: number;

  constructor(message: string, { code, status }: { code: string; status: number }) {
    super(status === 401 ? 'unauthenticated' : 'internal', message);
    this.name = 'RegistryError';
    this.code = code;
    this.status = status;
  }
}

/** Reads a refusal's body into an error. */
export async function refusal(request: Pick<HttpRequest, 'method' | 'url'>, response: HttpResponse): Promise<RegistryError> {
  const { status } = response;
  const text = (await readAll(response, 64 * 1024).catch(() => Buffer.alloc(0))).toString('utf8');
  const { code, message } = firstError(text);
  if (code)
    return new RegistryError(`${code.toLowerCase().replaceAll('_', ' ')}: ${message || 'unknown error'}`, { code, status });
  const known = bare[status];
  if (known && text.trim() === '') return new RegistryError(known.message, { code: known.code, status });
  const said = text ? `: ${text.trim().slice(0, 200)}` : '';
  return new RegistryError(`${describe(request)}: unexpected status code ${status}${said}`, { code: known?.code ?? '', status });
}

/** What a refusal without a body (as to every HEAD) means. */
const bare: Record<number, { code: string; message: string }> = {
  401: { code: 'UNAUTHORIZED', message: 'unauthorized: authentication required' },
  403: { code: 'DENIED', message: 'denied: requested access to the resource is denied' },
  404: { code: 'NOT_FOUND', message: 'not found' },
  429: { code: 'TOOMANYREQUESTS', message: 'toomanyrequests: too many requests' },
};

function firstError(text: string): { code: string; message: string } {
  try {
    const parsed = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[]; details?: unknown };
    const first = parsed?.errors?.[0];
    return { code: String(first?.code ?? ''), message: String(first?.message ?? '') };
  } catch {
    return { code: '', message: '' };
  }
}

/** What a pull says when the registry refused it, as Docker words it. `shown` is the familiar name. */
export function pullError(error: unknown, shown: string): unknown {
  if (!(error instanceof RegistryError)) return error;
  const because = (text: string) => new PouchError('notFound', `${text}: ${error.message}`, { cause: error });
  const repository = shown.replace(/(@.*|:[^/]*)$/, '');
  switch (error.code) {
    case 'MANIFEST_UNKNOWN':
    case 'NOT_FOUND':
      return because(`manifest for ${shown} not found`);
    case 'NAME_UNKNOWN':
      return because(`repository ${repository} not found`);
    case 'DENIED':
      return because(`pull access denied for ${repository}, repository does not exist or may require 'docker login'`);
    default:
      return internal(error.message, error);
  }
}
