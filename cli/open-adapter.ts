import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Log } from './log.ts';

/**
 * Opens the adapter, and says so if it is none that a user would hope for.
 *
 * @throws DeviceError - whose message is the line to print.
 */
export async function openAdapter(adapter: AdapterChoice, log: Log): Promise<Runtime> {
  log.progress('opening the adapter');
  const runtime = await openRuntime({ adapter });
  if (adapter === 'auto' && runtime.adapterKind === 'software')
    log.note(`${log.tool}: no GPU found: computing on the processor (${runtime.adapterName}), which is slow.`);
  return runtime;
}
