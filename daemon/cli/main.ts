import { messageOf } from '../errors/error.ts';
import { engineVersion } from '../lib/version.ts';
import { ApiClient, ApiError, defaultHost } from './client.ts';
import { commands } from './commands.ts';
import { table } from './table.ts';

/** Where the client writes. */
export interface CliOutput {
  print(text: string): void;
  complain(text: string): void;
}

const standard: CliOutput = {
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
};

/** Runs the `pouch` client and gives its exit code: 0 done, 1 the daemon refused or is not there, 2 it was called wrongly. */
export async function runCli(
  args: readonly string[],
  output: CliOutput = standard,
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const { host, json, rest, problem } = readFlags(args, env);
  const [name = 'help', ...words] = rest;
  if (problem) return wrong(output, problem);
  if (name === 'help') {
    output.print(usage());
    return 0;
  }
  if (name === '--version') {
    output.print(`pouch version ${engineVersion}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return wrong(output, `unknown command ${name}`);
  try {
    await command.run({ api: new ApiClient(host), json, args: words, print: output.print });
    return 0;
  } catch (error) {
    output.complain(`pouch: ${error instanceof ApiError ? `the daemon refused: ${error.message}` : messageOf(error)}\n`);
    return 1;
  }
}

interface Flags {
  host: string;
  json: boolean;
  rest: string[];
  problem?: string;
}

function readFlags(args: readonly string[], env: NodeJS.ProcessEnv): Flags {
  const flags: Flags = { host: env['POUCH_HOST'] || env['DOCKER_HOST'] || defaultHost, json: false, rest: [] };
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--json') flags.json = true;
    else if (word === '--help' || word === '-h') flags.rest.unshift('help');
    else if (word === '-H' || word === '--host') {
      at += 1;
      const value = args[at];
      if (value === undefined) flags.problem = `flag ${word} needs a value`;
      else flags.host = value;
    } else if (word.startsWith('--host=')) flags.host = word.slice('--host='.length);
    else flags.rest.push(word);
  }
  return flags;
}

function wrong(output: CliOutput, problem: string): number {
  output.complain(`pouch: ${problem}; pouch help tells what there is\n`);
  return 2;
}

function usage(): string {
  const rows = Object.values(commands).map((one) => [`  pouch ${one.usage}`, one.help]);
  return `Usage: pouch [-H URL] [--json] COMMAND\n\n${table(rows)}\nEverything else is Docker's: point the Docker CLI at pouchd with DOCKER_HOST.\n-H and DOCKER_HOST take unix://PATH and tcp://HOST:PORT (default ${defaultHost}).\n`;
}
