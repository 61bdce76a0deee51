/** The text of player.browser.js, which the page carries. */
declare const program: string;
export default program;
