const SMALL = [
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'],
  ...['thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen'],
];
const TENS = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];

/** A number below a million in English, as Python's `num2words` writes it: `one hundred and twenty-eight`. */
export function countWords(count: number): string {
  if (count < 20) return SMALL[count] ?? String(count);
  if (count < 100) return joined(TENS[Math.floor(count / 10)]!, '-', count % 10);
  if (count < 1000) return joined(`${countWords(Math.floor(count / 100))} hundred`, ' and ', count % 100);
  const rest = count % 1000;
  return joined(`${countWords(Math.floor(count / 1000))} thousand`, rest < 100 ? ' and ' : ', ', rest);
}

function joined(words: string, link: string, rest: number): string {
  return rest === 0 ? words : words + link + countWords(rest);
}
