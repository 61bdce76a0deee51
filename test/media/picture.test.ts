import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { cropPicture } from '../../media/crop-picture.ts';
import { encodeJpegs } from '../../media/encode.ts';
import { VideoError } from '../../media/errors.ts';
import { openPicture } from '../../media/picture.ts';
import { resize } from '../../media/resize.ts';
import { resizeSmooth } from '../../media/resize-smooth.ts';
import { tilesOf } from '../../models/internvl/tiles.ts';
import { frameLimits, imageLimits, smartResize } from '../../models/qwen2-vl/picture-size.ts';
import { rejection } from '../helpers/errors.ts';

const clip = fileURLToPath(new URL('../../assets/clip.mp4', import.meta.url));

/** The same bytes in any language: Knuth's multiplicative hash of the position. */
function pattern(width: number, height: number) {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
  return { width, height, rgb };
}

/** A PNG file of 8-bit RGB; the checksums of its chunks are what zlib's crc32 would say. */
function png({ width, height, rgb }: ReturnType<typeof pattern>): Uint8Array {
  const crc = (bytes: Uint8Array): number => {
    let rest = ~0;
    for (const byte of bytes) {
      rest ^= byte;
      for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
    }
    return ~rest >>> 0;
  };
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const named = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc(named));
    return Buffer.concat([length, named, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const rows = Array.from({ length: height }, (_, row) => [
    Buffer.of(0),
    Buffer.from(rgb.subarray(3 * row * width, 3 * (row + 1) * width)),
  ]);
  const signature = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const data = deflateSync(Buffer.concat(rows.flat()));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

/** A JPEG file with an Exif orientation. */
function orientated(jpeg: Uint8Array, orientation: number): Uint8Array {
  const tiff = [0x49, 0x49, 0x2a, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
  const exif = [...Buffer.from('Exif\0\0'), ...tiff];
  return Uint8Array.from([...jpeg.subarray(0, 2), 0xff, 0xe1, 0, exif.length + 2, ...exif, ...jpeg.subarray(2)]);
}

/** 8 x 4 pixels of pure red, without loss. */
const webp = Buffer.from('UklGRhwAAABXRUJQVlA4TA8AAAAvB8AAAAcQ/Y/+ByKi/wEA', 'base64');

describe('a picture', () => {
  for (const decoder of ['ffmpeg', 'ffmpeg.wasm'] as const) {
    it(`is read from PNG byte for byte by ${decoder}`, async () => {
      const image = pattern(37, 21);
      const read = await openPicture(png(image), { decoder, name: 'a.png' });
      expect(read).to.deep.include({ name: 'a.png', width: 37, height: 21 });
      expect(Buffer.compare(read.rgb, image.rgb)).to.equal(0);
    });

    it(`is read from WebP by ${decoder}`, async () => {
      const { width, height, rgb } = await openPicture(webp, { decoder });
      expect([width, height]).to.deep.equal([8, 4]);
      for (let i = 0; i < rgb.length; i++) expect(rgb[i]).to.be.closeTo(i % 3 === 0 ? 255 : 0, 1);
    });
  }

  for (const decoder of ['ffmpeg', 'ffmpeg.wasm'] as const)
    it(`is turned as its Exif says by ${decoder}`, async () => {
      const [width, height] = [48, 32];
      const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => (Math.floor(i / 3) % width) * 5);
      const [jpeg] = await encodeJpegs([rgb], { width, height }, decoder);
      const upright = await openPicture(jpeg!, { decoder });
      const turned = await openPicture(orientated(jpeg!, 6), { decoder });
      expect([turned.width, turned.height]).to.deep.equal([height, width]);
      // A quarter clockwise: the left column becomes the top row.
      for (let row = 0; row < width; row++)
        for (let column = 0; column < height; column++) {
          const was = upright.rgb[3 * ((height - 1 - column) * width + row)]!;
          expect(turned.rgb[3 * (row * height + column)]).to.be.closeTo(was, 3);
        }
    });

  it('is not a text, half a file, or a video', async () => {
    const half = png(pattern(64, 64)).subarray(0, 40);
    for (const [source, message] of [
      [Buffer.from('no picture'), 'a.png: not a picture, or damaged. A PNG, JPEG or WebP file is needed.'],
      [half, 'a.png: not a picture, or damaged.'],
      [new Uint8Array(0), 'a.png: no data (0 bytes). A picture is needed.'],
      [clip, 'a.png: has 96 frames, and a picture has one. Show it as a video.'],
    ] as const) {
      const error = await rejection(openPicture(source, { name: 'a.png' }));
      expect(error).to.be.instanceOf(VideoError);
      expect(error.message).to.include(message).and.not.include('\n');
    }
  });
});

describe('the crops of a picture', () => {
  it('are its tiles, row by row, and then all of it', () => {
    const image = pattern(120, 60);
    const { image: shown, crops } = cropPicture(image, tilesOf(image, 16, 6));
    expect(crops.map(({ width, height }) => [width, height])).to.deep.equal(Array(3).fill([16, 16]));
    const images = [0, 1, 2].map((i) => shown.subarray(768 * i, 768 * (i + 1)));
    const whole = resize(image, 32, 16);
    const column = (tile: number, row: number): number[] => [...images[tile]!.subarray(48 * row, 48 * (row + 1))];
    for (let row = 0; row < 16; row++)
      expect([...column(0, row), ...column(1, row)]).to.deep.equal([...whole.subarray(96 * row, 96 * (row + 1))]);
    expect([...images[2]!]).to.deep.equal([...resize(image, 16, 16)]);
  });

  it('are one where it is square and small, or where no more are allowed', () => {
    expect(tilesOf({ width: 10, height: 10 }, 448, 12)).to.have.length(1);
    expect(tilesOf({ width: 1000, height: 300 }, 448, 1)).to.have.length(1);
  });
});

describe('a size of any kind', () => {
  const random = (i: number): number => (Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32;

  it('has whole tokens, an area in its bounds, and about the shape that it had', () => {
    const limits = { factor: 28, minPixels: 100352, maxPixels: 602112 };
    for (let i = 0; i < 500; i++) {
      const source = { width: 1 + Math.floor(4000 * random(2 * i)), height: 1 + Math.floor(4000 * random(2 * i + 1)) };
      const aspect = source.width / source.height;
      if (aspect > 20 || aspect < 1 / 20) continue;
      const { width, height } = smartResize(source, limits);
      expect([width % 28, height % 28]).to.deep.equal([0, 0]);
      expect(width * height).to.be.within(limits.minPixels, limits.maxPixels);
      expect(Math.abs(Math.log(width / height / aspect))).to.be.below(
        Math.log(28 + Math.max(width, height)) - Math.log(28),
      );
    }
  });

  it('is at least a token, and refused beyond 200 to 1', () => {
    expect(smartResize({ width: 1, height: 1 }, imageLimits(28, {}))).to.deep.equal({ width: 56, height: 56 });
    expect(smartResize({ width: 30000, height: 150 }, imageLimits(28, { max: 784 })).height).to.equal(28);
    expect(() => smartResize({ width: 201, height: 1 }, imageLimits(28, {}))).to.throw('at most 200 to 1');
  });

  it('is smaller for the frames of a long video, and keeps to what the checkpoint says', () => {
    const most = (frames: number, own = {}): number => frameLimits(28, frames, own).maxPixels;
    // 128,000 * 0.9 tokens of all frames together; an older release had 24,576.
    expect([most(8), most(300), most(600), most(768)]).to.deep.equal([602112, 602112, 301056, 235200]);
    expect([most(64, { ofAll: 24576 }), most(768, { ofAll: 24576 })]).to.deep.equal([602112, 105369]);
    expect(most(8, { max: 50000 })).to.equal(50000);
    expect(frameLimits(28, 8, { max: 50000 }).minPixels).to.equal(50000);
  });
});

describe('the smooth resize', () => {
  it('leaves a picture of the right size alone, and a plain one plain', () => {
    const image = pattern(9, 7);
    expect(resizeSmooth(image, 9, 7)).to.equal(image.rgb);
    const plain = { width: 33, height: 20, rgb: new Uint8Array(33 * 20 * 3).fill(77) };
    expect(new Set(resizeSmooth(plain, 12, 41))).to.deep.equal(new Set([77]));
  });

  for (const [width, height] of [
    [14, 10],
    [90, 75],
    [20, 200],
  ] as const)
    it(`is Pillow's to ${width} x ${height} but for what it rounds between the passes`, () => {
      const { rgb, ...of } = pattern(61, 47);
      // No overshoot is cut off between the passes.
      const image = { ...of, rgb: rgb.map((value) => 64 + (value >> 1)) };
      const [smooth, twice] = [resizeSmooth(image, width, height), resize(image, width, height)];
      expect(smooth).to.have.length(twice.length);
      for (const [i, value] of smooth.entries()) expect(Math.abs(value - twice[i]!)).to.be.at.most(1);
    });
});
