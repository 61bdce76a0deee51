/** The letters of options. */

/** `A` for 0. */
export const letterOf = (index: number): string => String.fromCharCode(65 + index);

/** Options without the letters that they are published with: `A. Apples.` becomes `Apples.`. */
export function withoutLetters(options: readonly string[]): string[] {
  return options.map((option, i) => {
    const text = option.trim();
    return /^[.)]/.test(text.slice(1)) && text.startsWith(letterOf(i)) ? text.slice(2).trim() : text;
  });
}
