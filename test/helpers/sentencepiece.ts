/** Writes sentencepiece models: Protocol Buffers' wire format, by its description. */

/** What a model of a test has; see sentencepiece_model.proto. */
export interface MadeModel {
  /** Text, score and type (1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte) of each. */
  readonly pieces: readonly (readonly [text: string, score: number, type: number])[];
  /** 1 unigram, 2 BPE. */
  readonly algorithm?: number;
  readonly byteFallback?: boolean;
  readonly normalizer?: string;
  readonly addDummyPrefix?: boolean;
  readonly removeExtraWhitespaces?: boolean;
}

export function sentencePieceBytes(model: MadeModel): Uint8Array {
  const { algorithm = 2, byteFallback = true, normalizer = 'identity' } = model;
  const pieces = model.pieces.map(([text, score, type]) =>
    bytesField(1, [...bytesField(1, utf8(text)), ...floatField(2, score), ...numberField(3, type)]),
  );
  const trainer = [...numberField(3, algorithm), ...numberField(35, Number(byteFallback))];
  const rules = [
    ...bytesField(1, utf8(normalizer)),
    ...numberField(3, Number(model.addDummyPrefix ?? false)),
    ...numberField(4, Number(model.removeExtraWhitespaces ?? false)),
  ];
  return Uint8Array.from([...pieces.flat(), ...bytesField(2, trainer), ...bytesField(3, rules)]);
}

const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const numberField = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const bytesField = (field: number, bytes: readonly number[]): number[] => [
  ...varint(field * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
];
const floatField = (field: number, value: number): number[] => [
  ...varint(field * 8 + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];
