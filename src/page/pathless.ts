/** Text for those who look on, who may be somebody else: without the folders of this machine. */

/** At least one folder and what lies in it; white space, quotes and punctuation of a message end it. */
const PATH = /(?:file:\/\/|(?<![\w./:\\]))(?:[A-Za-z]:)?[/\\](?:[^\s/\\"'`,;()]+[/\\])+([^\s/\\"'`,;()]*)/g;

/** `text` with each absolute path cut to its last part: `/home/me/runs/a` becomes `…/a`. Addresses stay. */
export function pathless(text: string): string {
  return text.replaceAll(PATH, '…/$1');
}
