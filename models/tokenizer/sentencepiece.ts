import { fieldsOf } from './protobuf.ts';

/** What a piece of a sentencepiece model is (sentencepiece_model.proto, SentencePiece.Type). */
export const PIECE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** A piece of text that is a token; its id is its place. */
export interface Piece {
  readonly text: string;
  readonly score: number;
  /** One of `PIECE`. */
  readonly type: number;
}

/** A sentencepiece model, as its `tokenizer.model` has it. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  readonly algorithm: string;
  readonly byteFallback: boolean;
  /** Name of the rule that changes characters before all else; `identity` changes none. */
  readonly normalizer: string;
  /** Whether a text gets a blank in front. */
  readonly addDummyPrefix: boolean;
  /** Whether blanks at both ends go and several become one. */
  readonly removeExtraWhitespaces: boolean;
}

const ALGORITHMS: Readonly<Record<number, string>> = { 1: 'unigram', 2: 'BPE', 3: 'word', 4: 'char' };

/** Numbers of the fields in sentencepiece_model.proto, by message. */
const MODEL = { piece: 1, trainer: 2, normalizer: 3 } as const;
const TRAINER = { algorithm: 3, byteFallback: 35 } as const;
const NORMALIZER = { name: 1, addDummyPrefix: 3, removeExtraWhitespaces: 4 } as const;

/** @throws Error if the bytes are no sentencepiece model. */
export function readSentencePiece(bytes: Uint8Array): SentencePieceModel {
  const pieces: Piece[] = [];
  let trainer = new Message(new Uint8Array());
  let normalizer = trainer;
  for (const { number, value } of fieldsOf(bytes)) {
    if (typeof value === 'number') continue;
    if (number === MODEL.piece) pieces.push(pieceOf(new Message(value)));
    if (number === MODEL.trainer) trainer = new Message(value);
    if (number === MODEL.normalizer) normalizer = new Message(value);
  }
  if (pieces.length === 0) throw new Error('it has no pieces');
  const algorithm = trainer.number(TRAINER.algorithm, 1);
  return {
    pieces,
    algorithm: ALGORITHMS[algorithm] ?? `algorithm ${algorithm}`,
    byteFallback: trainer.number(TRAINER.byteFallback, 0) !== 0,
    normalizer: normalizer.text(NORMALIZER.name, 'identity'),
    addDummyPrefix: normalizer.number(NORMALIZER.addDummyPrefix, 1) !== 0,
    removeExtraWhitespaces: normalizer.number(NORMALIZER.removeExtraWhitespaces, 1) !== 0,
  };
}

function pieceOf(message: Message): Piece {
  return { text: message.text(1, ''), score: message.number(2, 0), type: message.number(3, PIECE.normal) };
}

/** A message's fields by number; of one that comes twice the last counts. */
class Message {
  readonly #fields = new Map<number, number | Uint8Array>();

  constructor(bytes: Uint8Array) {
    for (const { number, value } of fieldsOf(bytes)) this.#fields.set(number, value);
  }

  number(field: number, absent: number): number {
    const value = this.#fields.get(field) ?? absent;
    if (typeof value !== 'number') throw new Error(`field ${field} is no number`);
    return value;
  }

  text(field: number, absent: string): string {
    const value = this.#fields.get(field);
    if (value === undefined) return absent;
    if (typeof value === 'number') throw new Error(`field ${field} is no text`);
    return UTF8.decode(value);
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
