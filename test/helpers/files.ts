import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';

/** Small files of a folder `m`: bytes, a text, or an object as JSON. */
export function folderOf(files: Readonly<Record<string, unknown>>): CheckpointFiles {
  return {
    name: 'm',
    open: async (file) => {
      const content = Object.hasOwn(files, file) ? files[file] : undefined;
      if (content === undefined) return undefined;
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(text);
      return {
        name: `m/${file}`,
        size: bytes.length,
        read: async (offset, length) => bytes.slice(offset, offset + length),
        close: async () => undefined,
      };
    },
  };
}

/** A tokenizer.json of Qwen2's kind without merges: one id for each byte, in the alphabet of GPT-2, and special tokens. */
export function byteTokenizerJson(special: Readonly<Record<string, number>>): object {
  const vocab: Record<string, number> = {};
  let beyond = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    vocab[String.fromCodePoint(printable ? byte : beyond++)] = byte;
  }
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    version: '1.0',
    added_tokens: Object.entries(special).map(([content, id]) => ({ id, content, special: true })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: 'BPE', vocab, merges: [] },
  };
}
