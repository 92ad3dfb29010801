import { internal, invalidArgument, messageOf, type PouchError } from '../errors/error.ts';

/** What a failed start becomes: the exit code that inspect shows, and the error for the client. */
export interface StartFailure {
  exitCode: number;
  error: PouchError;
}

const notFoundTexts = [
  'executable file not found',
  'no such file or directory',
  'system cannot find the file specified',
  'failed to run runc create/exec call',
];
const notExecutableTexts = ['permission denied', 'is a directory', 'exec format error'];

/**
 * Reads containerd's and the runtime's words as Docker does: a command that is not there is 127, one that cannot be run 126 (both the client's fault), anything else 128
 * and an internal error. The text keeps the runtime's own, ending in `: unknown`, which Docker's clients look into.
 */
export function startFailure(error: unknown): StartFailure {
  const text = messageOf(error);
  const isRuntime = text.includes('OCI runtime') || text.includes('failed to create shim') || text.includes('failed to start');
  if (!isRuntime) return { exitCode: 128, error: error as PouchError };
  const shown = /: unknown$/.test(text) ? text : `${text}: unknown`;
  const isCommand = /exec: |starting container process|executable file not found/.test(text);
  if (isCommand && notExecutableTexts.some((one) => text.includes(one)))
    return { exitCode: 126, error: invalidArgument(shown, error) };
  if (isCommand && notFoundTexts.some((one) => text.includes(one)))
    return { exitCode: 127, error: invalidArgument(shown, error) };
  if (text.includes('not a directory') && text.includes('mount')) {
    const hint =
      ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';
    return { exitCode: 127, error: invalidArgument(`${shown}${hint}`, error) };
  }
  return { exitCode: 128, error: internal(shown, error) };
}
