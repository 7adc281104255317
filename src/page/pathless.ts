/** Text for those who look on, who may be somebody else: without the folders of this machine. */

/** In quotes a path may have spaces. */
const QUOTED = /(['"`])(?:file:\/\/)?(?:[A-Za-z]:)?[/\\](?:[^'"`<>/\\]+[/\\])+([^'"`<>/\\]*)\1/g;
/** At least one folder and what lies in it; white space, quotes and punctuation of a message end it. */
const BARE = /(?:file:\/\/|(?<![\w./\\\]<]))(?:[A-Za-z]:)?[/\\](?:[^\s/\\"'`,;()<>]+[/\\])+([^\s/\\"'`,;()<>]*)/g;

/** `text` with each absolute path cut to its last part: `/home/me/runs/a` becomes `…/a`. Addresses stay. */
export function pathless(text: string): string {
  return text.replaceAll(QUOTED, '$1…/$2$1').replaceAll(BARE, '…/$1');
}
