import type { Option } from './option.ts';
import { defaultConfigFile, options } from './options.ts';

/** The text of `pouchd --help`, made from the table of options. */
export function helpText(): string {
  const rows: [string, string][] = [
    ['--config FILE', `JSON file with any of the options below (default ${defaultConfigFile}, if it is there)`],
    ...(options as readonly Option[])
      .filter((option) => option.flag)
      .map((option): [string, string] => [flagText(option), describe(option)]),
    ['-v, --version', 'print the version and leave'],
    ['-h, --help', 'print this text and leave'],
  ];
  const fileOnly = (options as readonly Option[])
    .filter((option) => !option.flag)
    .map((option): [string, string] => [option.key, option.help]);
  return [
    'Usage: pouchd [OPTIONS]',
    '       pouchd plugins [--json] [--order POINT]     what is compiled in',
    '       pouchd plugins stats|trace [-H URL]         hook calls of a running daemon',
    '',
    'Options (in brackets: the key in the configuration file):',
    ...table(rows),
    '',
    'Only in the configuration file:',
    ...table(fileOnly),
    '',
  ].join('\n');
}

function flagText(option: Option): string {
  const short = option.short ? `-${option.short}, ` : '';
  return `${short}--${option.flag}${option.kind === 'boolean' ? '' : ` ${option.value ?? 'VALUE'}`}`;
}

function describe(option: Option): string {
  const { default: value } = option;
  const isShown = value !== '' && value !== false && !(typeof value === 'object' && Object.keys(value as object).length === 0);
  return `${option.help}${isShown ? ` (default ${Array.isArray(value) ? value.join(', ') : String(value)})` : ''} [${option.key}]`;
}

function table(rows: readonly [string, string][]): string[] {
  return rows.map(([left, right]) =>
    left.length > 32 ? `  ${left}\n${' '.repeat(36)}${right}` : `  ${left.padEnd(34)}${right}`,
  );
}
