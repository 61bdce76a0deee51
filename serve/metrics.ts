/** What Prometheus reads. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the gauges look at when they are read. */
export interface Gauged {
  readonly waiting: () => number;
  readonly atWork: () => number;
  readonly gpuBytes: () => number;
  readonly cacheBytes: () => number;
  readonly ready: () => boolean;
}

const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

/** All of a server. */
export class Metrics {
  readonly #registry = new Registry();
  readonly requests = new Counter({
    name: 'framefusion_requests_total',
    help: 'Requests that have ended, by path and status; 499 is a client that went away.',
    labelNames: ['path', 'status'],
    registers: [this.#registry],
  });
  readonly tokens = new Counter({
    name: 'framefusion_tokens_total',
    help: 'Rows of prompts (in), of them video tokens (video) and those that were left of them (kept), cached rows, and generated tokens (out).',
    labelNames: ['kind'],
    registers: [this.#registry],
  });
  readonly seconds = new Histogram({
    name: 'framefusion_stage_seconds',
    help: 'Seconds of a stage: wait, decode, encode, prefill, generate; and of the whole request.',
    labelNames: ['stage'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly cache = new Counter({
    name: 'framefusion_cache_total',
    help: 'Look-ups of encoded videos and pictures (video) and of conversations (session).',
    labelNames: ['cache', 'result'],
    registers: [this.#registry],
  });
  readonly loads = new Counter({
    name: 'framefusion_model_loads_total',
    help: 'How often the model was loaded: more than once after the GPU has failed.',
    registers: [this.#registry],
  });

  constructor({ waiting, atWork, gpuBytes, cacheBytes, ready }: Gauged) {
    this.#gauge('framefusion_queue_waiting', 'Requests that wait.', waiting);
    this.#gauge('framefusion_queue_at_work', 'Requests that are answered.', atWork);
    this.#gauge('framefusion_gpu_bytes', 'GPU memory of all buffers.', gpuBytes);
    this.#gauge('framefusion_cache_bytes', 'Of them, what is kept for later requests.', cacheBytes);
    this.#gauge('framefusion_ready', 'Whether the model is loaded.', () => Number(ready()));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value());
      },
    });
  }
}
