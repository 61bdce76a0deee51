export async function pictureOf(_page: string): Promise<Uint8Array> {
  throw new Error('not yet');
}
