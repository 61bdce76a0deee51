import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { WeightsError } from '../engine/errors.ts';

/** What somebody says, as Hugging Face's templates take it: a text, or parts of which some are shown. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string | readonly MessagePart[];
}

/** A part of a message. */
export type MessagePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' }
  | { readonly type: 'video' };

/** Renders chat prompts by a Jinja template, which is somebody else's program: its work and its output are bounded. */
export class ChatTemplate {
  /** What errors call it. */
  readonly name: string;
  readonly #template: Template;

  /**
   * @param file - The file that it is from.
   * @param source - Jinja source.
   * @throws WeightsError if it does not parse.
   */
  constructor(file: string, source: string) {
    this.name = `${file}: chat_template`;
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new WeightsError(`${this.name} does not parse: ${shortened(cause)}.`, { cause });
    }
  }

  /**
   * A conversation as text, up to where the next answer starts.
   *
   * @throws WeightsError if the template raises an error or does not come to an end.
   */
  render(messages: readonly Message[]): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, messages, add_generation_prompt: true }))
      environment.set(name, value);
    try {
      return String(new BoundedInterpreter(environment).run(this.#template.parsed).value);
    } catch (cause) {
      throw new WeightsError(`${this.name} fails: ${shortened(cause)}. Use another checkpoint, or mend its template.`, {
        cause,
      });
    }
  }
}

function shortened(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return JSON.stringify(message.slice(0, 200)).slice(1, -1).replace(/\.$/, '');
}

/** Expressions that a template may evaluate, where one counts for more if its value is long: half a second's work. */
const MAX_WORK = 2e5;

/** Characters that count for as much as an expression. */
const CHARACTERS = 64;

/** Elements of a range. */
const MAX_RANGE = 1e4;

/**
 * What templates have besides their messages (transformers `_compile_jinja_template`), but for `strftime_now`: templates that
 * ask whether it is there have a fixed date without it, and prompts do not differ from day to day.
 */
const GLOBALS = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  range,
  raise_exception: (message: unknown): never => {
    throw new Error(`it says ${String(message)}`);
  },
};

function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`a range of ${length} elements is too long`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/** A value as the library has it. */
interface Value {
  readonly value: unknown;
}

/** The library's interpreter; its own types are lost under Node's rules for imports. */
interface Evaluator {
  run(program: unknown): Value;
  evaluate(expression: unknown, environment: unknown): Value;
}

const Evaluator = Interpreter as unknown as new (environment: unknown) => Evaluator;

/** Counts what it does. Every loop and every string is made of expressions, so none is endless. */
class BoundedInterpreter extends Evaluator {
  #work = 0;

  override evaluate(expression: unknown, environment: unknown): Value {
    const result = super.evaluate(expression, environment);
    const { value } = result;
    if (typeof value === 'string') this.#work += value.length / CHARACTERS;
    else if (Array.isArray(value)) this.#work += value.length;
    if (++this.#work > MAX_WORK) throw new Error('it does not come to an end');
    return result;
  }
}
