/** Files as recorders, camcorders and broken downloads leave them: made from ordinary ones, or byte by byte. */

/** A Matroska or WebM file without its DefaultDuration, which becomes padding: as recorders write it that know no rate. */
export function withoutRate(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file);
  for (let at = bytes.indexOf('23e383', 0, 'hex'); at >= 0 && at < 4000; at = bytes.indexOf('23e383', at, 'hex')) {
    const length = 4 + (bytes[at + 3]! & 0x7f);
    bytes.fill(0, at, at + length);
    bytes.set([0xec, 0x80 | (length - 2)], at); // Void, and how many bytes follow.
  }
  return bytes;
}

/** The same IVF file of VP8 whose frame `index` is decoded, but not shown. */
export function withHiddenFrame(ivf: Uint8Array, index: number): Uint8Array {
  const bytes = Buffer.from(ivf);
  let at = 32; // After the file's header; each frame has one of 12 bytes, its length first.
  for (let i = 0; i < index; i++) at += 12 + bytes.readUInt32LE(at);
  bytes[at + 12]! &= ~0x10; // show_frame, RFC 6386, section 9.1.
  return bytes;
}

/** A file with noise in one of 1,700 bytes, from some byte on. */
export function damaged(file: Uint8Array, from: number): Uint8Array {
  const bytes = Uint8Array.from(file);
  const hash = (i: number) => Math.imul(i + 1, 2654435761) >>> 0;
  for (let i = from; i < bytes.length; i++) if (hash(i) % 1700 === 0) bytes[i]! ^= hash(i) >>> 24 || 1;
  return bytes;
}

const [COLUMNS, ROWS] = [4, 2]; // In macroblocks of 16 x 16.

/**
 * An H.264 stream of field pictures (PAFF) as AVCHD camcorders and television write it: a frame is two packets, a field each.
 * Frame `n` is 64x32, grey of luma 16 + 8 n.
 */
export function fieldPictures(frames: number): Uint8Array {
  const parts: number[][] = [];
  for (let n = 0; n < frames; n++)
    for (const bottom of [false, true]) {
      parts.push(nal(9, [0xf0])); // access unit delimiter
      if (n === 0 && !bottom) parts.push(nal(0x67, sequence()), nal(0x68, picture()));
      parts.push(nal(n === 0 && !bottom ? 0x65 : 0x61, field(n, bottom)));
    }
  return Uint8Array.from(parts.flat());
}

/** Bits of a syntax structure, in the order in which ISO/IEC 14496-10 lists its elements. */
class Bits {
  #bits = '';

  u(value: number, count: number): this {
    this.#bits += value.toString(2).padStart(count, '0');
    return this;
  }

  /** Exponential Golomb. */
  ue(...values: number[]): this {
    for (const value of values) {
      const bits = (value + 1).toString(2);
      this.#bits += '0'.repeat(bits.length - 1) + bits;
    }
    return this;
  }

  aligned(): this {
    this.#bits += '0'.repeat(-this.#bits.length & 7);
    return this;
  }

  bytes(bytes: readonly number[]): this {
    this.#bits += bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
    return this;
  }

  /** With the stop bit. */
  end(): number[] {
    this.u(1, 1).aligned();
    return (this.#bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  }
}

/** Main profile, level 3.0; interlaced: frame_mbs_only_flag is 0. */
function sequence(): number[] {
  const bits = new Bits().u(77, 8).u(0, 8).u(30, 8).ue(0, 0, 2, 1).u(0, 1);
  return bits
    .ue(COLUMNS - 1, ROWS / 2 - 1)
    .u(0b001000, 6)
    .end();
}

function picture(): number[] {
  return new Bits().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(0b100, 3).end();
}

/** A slice of I_PCM macroblocks. */
function field(n: number, bottom: boolean): number[] {
  const idr = n === 0 && !bottom;
  const bits = new Bits()
    .ue(0, 7, 0)
    .u(n % 16, 4)
    .u(1, 1)
    .u(Number(bottom), 1);
  if (idr) bits.ue(0).u(0, 2);
  else bits.u(0, 1);
  bits.ue(0, 1); // slice_qp_delta, no deblocking
  const samples = [...Array(256).fill(16 + 8 * n), ...Array(128).fill(128)];
  for (let i = 0; i < (COLUMNS * ROWS) / 2; i++) bits.ue(25).aligned().bytes(samples);
  return bits.end();
}

/** With a start code, and the bytes that keep others from occurring. */
function nal(header: number, body: readonly number[]): number[] {
  const out = [0, 0, 0, 1, header];
  let zeros = 0;
  for (const byte of body) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out;
}
