/** The text of a `.wgsl` file with what it goes with. */
export function wgslSource(file: URL): string;
