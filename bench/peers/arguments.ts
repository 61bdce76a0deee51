/** The flags of `ff-bench peers`. */
import { type FlagTable, FlagValues, flagLines } from '../../cli/flags.ts';
import { type CommonArguments, commonArguments, commonFlags, EXIT_CODES } from '../common/common.ts';
import { type PeerName, peerNames } from './protocol.ts';

/** What `ff-bench peers` was asked to do. */
export interface PeerArguments extends CommonArguments {
  readonly peers: readonly PeerName[];
  readonly install: boolean;
  readonly quick: boolean;
}

const flags = {
  peers: { value: 'A,B,...', help: `of ${peerNames.join(', ')} (default all)` },
  install: { help: 'get them into bench/peers first, by npm: about 500 MB' },
  quick: { help: 'small shapes, which say little about speed' },
  ...commonFlags,
} as const satisfies FlagTable;

export function peersHelp(): string {
  return [
    'Usage: ff-bench peers [--install] [--peers A,B] [...]',
    '',
    'Times the same multiplications and attention in other WebGPU libraries, on the same adapter, in turn.',
    'Each runs in a process of its own; one that cannot is named with the reason.',
    '',
    ...flagLines(flags),
    '',
    EXIT_CODES,
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parsePeers(argv: readonly string[]): PeerArguments | 'help' | 'version' {
  const values = new FlagValues('ff-bench peers', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  return {
    ...commonArguments(values),
    peers: values.someOf('peers', peerNames) ?? peerNames,
    install: values.has('install'),
    quick: values.has('quick'),
  };
}
