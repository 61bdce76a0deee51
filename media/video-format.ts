/** Containers that FFmpeg reads and no browser does, by how their files begin. */
const CONTAINERS: Readonly<Record<string, (head: string) => boolean>> = {
  'an AVI': (head) => head.startsWith('RIFF') && head.startsWith('AVI ', 8),
  'an FLV': (head) => head.startsWith('FLV\x01'),
  'a Windows Media (ASF) file': (head) => head.startsWith('0&\xb2u'),
  'an MPEG program stream': (head) => head.startsWith('\0\0\x01\xba'),
  'a RealMedia file': (head) => head.startsWith('.RMF'),
};

/** Bytes that tell. */
export const CONTAINER_HEAD_BYTES = 16;

/** The name of a container with its article; undefined if it is none of those. */
export function foreignContainer(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, CONTAINER_HEAD_BYTES));
  return Object.entries(CONTAINERS).find(([, begins]) => begins(text))?.[0];
}
