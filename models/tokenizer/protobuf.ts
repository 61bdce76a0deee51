/** Protocol Buffers' wire format, as far as sentencepiece's models need it: read strictly, so that a cut file is found. */

/** A field of a message: a number, or the bytes of a text or of a message inside. */
export interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/** The fields of a message, in their order. @throws Error if the bytes end inside a field, or are of no known kind. */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length: number): number => {
    const start = at;
    at += length;
    if (at > bytes.length) throw new Error(`it ends inside a field, at byte ${bytes.length}`);
    return start;
  };
  // Seven bits a byte, the lowest first; beyond 2^53 digits are lost, of which no field that is read has as many.
  const varint = (): number => {
    for (let value = 0, scale = 1; scale <= 2 ** 63; scale *= 128) {
      const byte = view.getUint8(take(1));
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error(`no number of at most ten bytes before byte ${at}`);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === 0) yield { number, value: varint() };
    else if (kind === 1) yield { number, value: view.getFloat64(take(8), true) };
    else if (kind === 2) {
      const length = varint();
      const start = take(length);
      yield { number, value: bytes.subarray(start, start + length) };
    } else if (kind === 5) yield { number, value: view.getFloat32(take(4), true) };
    else throw new Error(`a field of unknown kind ${kind} before byte ${at}`);
  }
}
