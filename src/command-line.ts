/** Command lines as people copy them into a shell: what is printed must run as it stands. */

/** @param words the program and its arguments. */
export function commandLine(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

/** A word for a POSIX shell (PowerShell reads it alike): in quotes where it holds anything that the shell would take for itself. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Options with which a run can be opened again, from what its `started` event says. */
export function openingFlags({
  dataDir,
  execution,
}: {
  readonly dataDir?: string | undefined;
  readonly execution: { readonly plugins?: readonly string[] };
}): string[] {
  const plugins = (execution.plugins ?? []).flatMap((url) => ['--plugin', pathOf(url)]);
  return [...(dataDir === undefined ? [] : ['--data-dir', dataDir]), ...plugins];
}

/** The path of a file: URL (of a POSIX system; a Windows path works as a URL, too). */
export function pathOf(url: string): string {
  if (!/^file:\/\/\/(?![A-Za-z]:)/.test(url)) return url;
  return decodeURIComponent(url.slice('file://'.length));
}
