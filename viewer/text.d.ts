/** A program for a browser with all that it imports, as text: tools/browser-program.mjs. */
declare module '*.browser.ts?text' {
  const program: string;
  export default program;
}
