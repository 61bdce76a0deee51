/** The flags of `ff-bench peers`. */
import { commandLine, flag, listOf, on, oneOf, type Values } from '../../cli/flags.ts';
import { commonFlags, EXIT_CODES } from '../common/common.ts';
import { peerNames } from './protocol.ts';

const flags = {
  peers: flag('A,B,...', `of ${peerNames.join(', ')} (default all)`, listOf(oneOf(peerNames)), peerNames),
  install: on('get them into bench/peers first, by npm: about 500 MB'),
  quick: on('small shapes, which say little about speed'),
  ...commonFlags,
};

/** What `ff-bench peers` was asked to do. */
export type PeerArguments = Values<typeof flags>;

export const peersLine = commandLine('ff-bench peers', {
  about: `Usage: ff-bench peers [--install] [--peers A,B] [...]

Times the same multiplications and attention in other WebGPU libraries, on the same adapter, in turn.
Each runs in a process of its own; one that cannot is named with the reason.`,
  flags,
  end: () => EXIT_CODES,
});
