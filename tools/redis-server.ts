/** A Redis of one's own for as long as a test or a measurement runs: on a free port, in a temporary folder. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether there is a `redis-server` to start. */
export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

/** A running server with an append-only file. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  /** Starts one. */
  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'ff-redis-')));
    await server.restart();
    return server;
  }

  /** The address of a queue in it. */
  queue(name: string): string {
    return `redis://127.0.0.1:${this.port}/${name}`;
  }

  /** Starts it again, with what its file holds. */
  async restart(): Promise<void> {
    const flags = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
    this.#process = spawn('redis-server', [...flags, ...kept], { stdio: 'ignore' });
    for (let tries = 0; !(await this.#answers()); tries++) {
      if (tries === 200) throw new Error(`redis-server does not answer on port ${this.port}`);
      await sleep(50);
    }
  }

  /** Ends it at once, as the loss of its machine would. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Whether it answers, and has loaded its file. */
  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write('PING\r\n'));
      socket.on('data', (bytes) => {
        socket.destroy();
        resolve(bytes.toString().startsWith('+PONG'));
      });
      socket.on('error', () => resolve(false));
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
