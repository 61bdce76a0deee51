const VIDEO = /\.(3gp|avi|flv|m4v|mkv|mov|mp4|mpe?g|ts|webm|wmv)$/i;

/** Whether a file of a folder is taken for a video. */
export function isVideoName(name: string): boolean {
  return VIDEO.test(name);
}
