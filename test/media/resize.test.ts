import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { fileSource } from '../../checkpoint/file-source.ts';
import { SafetensorsFile } from '../../checkpoint/safetensors.ts';
import { InputError } from '../../engine/errors.ts';
import { cropTogether, resize } from '../../media/resize.ts';
import { centred } from '../../models/pictures.ts';

const golden = fileURLToPath(new URL('../fixtures/golden/preprocess/', import.meta.url));

/** The same bytes in any language: Knuth's multiplicative hash of the position. */
function pattern(width: number, height: number) {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
  return { width, height, rgb };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('bicubic resize', () => {
  for (const name of readdirSync(golden).filter((name) => name.endsWith('.safetensors')))
    it(`gives Pillow's bytes for ${name}`, async () => {
      const file = await SafetensorsFile.open(await fileSource(golden + name));
      try {
        const [height, width] = sizeOf(file, 'image');
        const [toHeight, toWidth] = sizeOf(file, 'resized_u8');
        const got = resize({ width, height, rgb: await file.read('image') }, toWidth, toHeight);
        expect(Buffer.compare(got, await file.read('resized_u8'))).to.equal(0);
      } finally {
        await file.close();
      }
    });

  // Hashes of Image.frombytes(...).resize(..., Image.BICUBIC).tobytes() by Pillow 9.4.0.
  for (const [width, height, toWidth, toHeight, hash] of [
    [1280, 720, 384, 384, '5dfc0b14823bc12d0b13555d18976e1945743280265b2df1a85eff66aca34300'],
    [1, 1, 3, 2, 'c94ea53a4218e50c11c35fc76ccbc42cf97ae10170c7163785444e486f33b838'],
    [3, 200, 200, 3, '7383443fdc60eef5874fb3037088b51822db4cfe83fa77f33b74b231f78a56e3'],
    [641, 359, 14, 7, '0195f2b3ce18d44b7dec57d501c7641939ac037b2fe1ae5d96f8a4597c065a55'],
    [384, 100, 384, 50, '9abfe90f4ab6b980cd87a78b92e9a3b87d4b20b6cf903f949a2faadd2ff4c485'],
    [100, 384, 50, 384, 'ff39be3c3119cbf693d7971de720a3f232cec43066d555d27766ea37fc92d4aa'],
  ] as const)
    it(`gives Pillow's bytes for ${width}x${height} to ${toWidth}x${toHeight}`, () => {
      expect(sha256(resize(pattern(width, height), toWidth, toHeight))).to.equal(hash);
    });

  it('returns an image of the right size as it is', () => {
    const image = pattern(5, 4);
    expect(resize(image, 5, 4)).to.equal(image.rgb);
  });

  it('keeps a plain image plain, at both ends of the range', () => {
    for (const value of [0, 255])
      for (const to of [1, 7, 100]) {
        const image = { width: 31, height: 17, rgb: new Uint8Array(31 * 17 * 3).fill(value) };
        expect(new Set(resize(image, to, to))).to.deep.equal(new Set([value]));
      }
  });

  it('keeps the square in the middle where the aspect ratio is kept', () => {
    const image = pattern(9, 4);
    const square = cropTogether(image, centred(4)(image));
    for (let row = 0; row < 4; row++)
      expect([...square.subarray(12 * row, 12 * row + 12)]).to.deep.equal([
        ...image.rgb.subarray(3 * (9 * row + 2), 3 * (9 * row + 6)),
      ]);
    const tall = cropTogether(pattern(10, 31), centred(5)({ width: 10, height: 31 }));
    const whole = resize(pattern(10, 31), 5, 15);
    expect([...tall]).to.deep.equal([...whole.subarray(3 * 5 * 5, 3 * 5 * 10)]);
  });

  it('rejects sizes that are not sizes, and bytes that are not the image', () => {
    const image = pattern(4, 4);
    for (const [width, height] of [
      [0, 4],
      [4, 1.5],
      [NaN, 4],
    ] as const)
      expect(() => resize(image, width, height)).to.throw(InputError, 'positive integers');
    expect(() => resize({ ...image, width: 5 }, 2, 2)).to.throw(InputError, 'must have 60 bytes, got 48');
  });
});

function sizeOf(file: SafetensorsFile, name: string): [height: number, width: number] {
  const [height, width] = file.tensors.get(name)!.shape;
  return [height!, width!];
}
