import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { cropPicture } from '../../media/crop-picture.ts';
import { encodeJpegs } from '../../media/encode.ts';
import { VideoError } from '../../media/errors.ts';
import { openVideo } from '../../media/open-video.ts';
import { type Orientation, orientationOf, upright } from '../../media/orientation.ts';
import { openPicture } from '../../media/picture.ts';
import { resize } from '../../media/resize.ts';
import { resizeSmooth } from '../../media/resize-smooth.ts';
import { tilesOf } from '../../models/internvl/tiles.ts';
import { frameLimits, imageLimits, smartResize } from '../../models/qwen2-vl/picture-size.ts';
import { rejection } from '../helpers/errors.ts';
import { decoders, clip as makeClip, need } from './clips.ts';

const clip = fileURLToPath(new URL('../../assets/clip.mp4', import.meta.url));

/** The same bytes in any language: Knuth's multiplicative hash of the position. */
function pattern(width: number, height: number) {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
  return { width, height, rgb };
}

/** A chunk of PNG; its checksum is what zlib's crc32 would say. */
function pngChunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  let rest = ~0;
  for (const byte of named) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(~rest >>> 0);
  return Buffer.concat([length, named, sum]);
}

/** A PNG file of 8-bit RGB. */
function png({ width, height, rgb }: ReturnType<typeof pattern>): Uint8Array {
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
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', data),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

type Oriented = 'jpeg' | 'png' | 'webp' | 'tiff';

/** A directory of one entry: the orientation. */
function exif(orientation: number): Buffer {
  return Buffer.from([
    0x49,
    0x49,
    0x2a,
    0,
    8,
    0,
    0,
    0,
    1,
    0,
    0x12,
    1,
    3,
    0,
    1,
    0,
    0,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
}

/** A picture file with an Exif orientation. */
function withOrientation(format: Oriented, file: Uint8Array, orientation: number): Uint8Array {
  const bytes = Buffer.from(file);
  if (format === 'jpeg') {
    const data = Buffer.concat([Buffer.from('Exif\0\0'), exif(orientation)]);
    return Buffer.concat([bytes.subarray(0, 2), Buffer.of(0xff, 0xe1, 0, data.length + 2), data, bytes.subarray(2)]);
  }
  if (format === 'png')
    return Buffer.concat([bytes.subarray(0, -12), pngChunk('eXIf', exif(orientation)), bytes.subarray(-12)]);
  if (format === 'webp') {
    const header = Buffer.from('VP8X\x0a\0\0\0\x08\0\0\0\x07\0\0\x03\0\0', 'latin1'); // 8 x 4, with Exif
    const tag = Buffer.from('EXIF\x1a\0\0\0', 'latin1');
    const all = Buffer.concat([bytes.subarray(0, 12), header, bytes.subarray(12), tag, exif(orientation)]);
    all.writeUInt32LE(all.length - 8, 4);
    return all;
  }
  // One more entry, in a directory at the end.
  const at = bytes.readUInt32LE(4);
  const count = bytes.readUInt16LE(at);
  const entries = Array.from({ length: count }, (_, i) => bytes.subarray(at + 2 + 12 * i, at + 14 + 12 * i));
  const sorted = [...entries, exif(orientation).subarray(10, 22)].sort((a, b) => a.readUInt16LE(0) - b.readUInt16LE(0));
  bytes.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([bytes, Buffer.of(count + 1, 0), ...sorted, Buffer.alloc(4)]);
}

/** Where the pixel at `x`, `y` of the upright picture of 8 x 4 is in the file, by orientation from 1 on. */
const turns: readonly ((x: number, y: number) => readonly [number, number])[] = [
  (x, y) => [x, y],
  (x, y) => [7 - x, y],
  (x, y) => [7 - x, 3 - y],
  (x, y) => [x, 3 - y],
  (x, y) => [y, x],
  (x, y) => [y, 3 - x],
  (x, y) => [7 - y, 3 - x],
  (x, y) => [7 - y, x],
];

/** The bytes of an upright picture. @param rgb - Of a file of 8 x 4. */
function turnedBy(orientation: number, rgb: Uint8Array): number[] {
  const width = orientation <= 4 ? 8 : 4;
  const places = Array.from({ length: 32 }, (_, i) => turns[orientation - 1]!(i % width, Math.floor(i / width)));
  return places.flatMap(([x, y]) => [...rgb.subarray(3 * (8 * y + x), 3 * (8 * y + x) + 3)]);
}

async function encoded(format: Oriented, image: ReturnType<typeof pattern>, decoder: 'ffmpeg' | 'ffmpeg.wasm') {
  if (format === 'png') return png(image);
  if (format === 'webp') return webp;
  if (format === 'jpeg') return (await encodeJpegs([image.rgb], image, decoder))[0]!;
  return makeClip('tiff', '-i in.png -compression_algo raw', { 'in.png': png(image) });
}

/** 8 x 4 pixels of pure red, without loss. */
const webp = Buffer.from('UklGRhwAAABXRUJQVlA4TA8AAAAvB8AAAAcQ/Y/+ByKi/wEA', 'base64');

describe('a picture', () => {
  for (const decoder of decoders)
    describe(`by ${decoder}`, () => {
      before(need(decoder));

      it('is read from PNG byte for byte', async () => {
        const image = pattern(37, 21);
        const read = await openPicture(png(image), { decoder, name: 'a.png' });
        expect(read).to.deep.include({ name: 'a.png', width: 37, height: 21 });
        expect(Buffer.compare(read.rgb, image.rgb)).to.equal(0);
      });

      it('is read from WebP', async () => {
        const { width, height, rgb } = await openPicture(webp, { decoder });
        expect([width, height]).to.deep.equal([8, 4]);
        for (let i = 0; i < rgb.length; i++) expect(rgb[i]).to.be.closeTo(i % 3 === 0 ? 255 : 0, 1);
      });

      for (const format of ['jpeg', 'png', 'webp', 'tiff'] as const)
        it(`is turned as the Exif of its ${format} says`, async () => {
          const plain = await encoded(format, pattern(8, 4), decoder);
          const [flat, turned] = await Promise.all([
            openPicture(plain, { decoder }),
            openPicture(withOrientation(format, plain, 6), { decoder }),
          ]);
          expect({ ...turned, rgb: [...turned.rgb] }).to.deep.equal({
            name: 'picture',
            width: 4,
            height: 8,
            rgb: turnedBy(6, flat.rgb),
          });
        });

      it('is not called damaged where it is merely large', async () => {
        const huge = Buffer.from(png(pattern(1, 1)));
        const header = Buffer.from(huge.subarray(16, 29));
        header.writeUInt32BE(40_000, 0);
        header.writeUInt32BE(40_000, 4);
        const bytes = Buffer.concat([huge.subarray(0, 8), pngChunk('IHDR', header), huge.subarray(33)]);
        expect((await rejection(openPicture(bytes, { decoder, name: 'a.png' }))).message).to.equal(
          'a.png: frames of 40000x40000 pixels are larger than FFmpeg decodes. Make them smaller.',
        );
      });
    });

  it('is turned and mirrored in all eight ways', () => {
    const image = pattern(8, 4);
    const seen = turns.map((_, i) => upright(image, (i + 1) as Orientation));
    for (const [i, { width, height, rgb }] of seen.entries()) {
      expect([width, height]).to.deep.equal(i < 4 ? [8, 4] : [4, 8]);
      expect([...rgb], `${i + 1}`).to.deep.equal(turnedBy(i + 1, image.rgb));
    }
  });

  it('is upright where its Exif makes no sense', () => {
    const jpeg = Buffer.from('ffd8ffe100224578696600004949', 'hex');
    for (const bytes of [
      jpeg,
      jpeg.subarray(0, 5),
      Buffer.from('RIFF'),
      Buffer.alloc(2),
      Buffer.from('II*\0\xff\xff\xff\xff'),
    ])
      expect(orientationOf(bytes)).to.equal(1);
    expect(orientationOf(withOrientation('png', png(pattern(2, 2)), 9))).to.equal(1);
  });

  it('is named where it is of a format that is not read', async () => {
    const box = (kind: string, body: Uint8Array) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(8 + body.length);
      return Buffer.concat([length, Buffer.from(kind), body]);
    };
    const brand = (brands: string) => Buffer.concat([box('ftyp', Buffer.from(brands)), box('mdat', Buffer.alloc(500))]);
    const animated = Buffer.from('RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x03\0\0ANIM', 'latin1');
    for (const [bytes, said] of [
      [brand('heic\0\0\0\0mif1heic'), 'a HEIC, which is not read. Convert it to JPEG or PNG.'],
      [brand('mif1\0\0\0\0mif1heic'), 'a HEIC, which'],
      [animated, 'an animated WebP, which is not read. Convert it to MP4 or GIF'],
      [Buffer.from('<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x"/>'), 'an SVG, which'],
      [Buffer.from('%PDF-1.7'), 'a PDF, which'],
      [Buffer.from('<!DOCTYPE html><html>'), 'a web page, and not the file itself.'],
      [Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'a git-lfs pointer, and not the file itself.'],
    ] as const)
      for (const opened of [openPicture(bytes, { name: 'a' }), openVideo(bytes, { name: 'a' })])
        expect((await rejection(opened)).message).to.include(`a: ${said}`);
  });

  it('is not a text, half a file, or a video', async () => {
    const half = png(pattern(64, 64)).subarray(0, 40);
    for (const [source, message] of [
      [Buffer.from('no picture'), 'a.png: not a picture. A PNG, JPEG or WebP file is needed.'],
      [half, 'a.png: a PNG that is damaged or cut off. Copy it again.'],
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
