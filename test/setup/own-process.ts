/**
 * Which test files need a process of their own. All others take turns in a few processes, since a process for each file costs more than
 * most files' tests: starting one and loading the program takes 1.5 s of a core. Such a file says so in its first comment, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** What would reach the files that come after in the same process, unless it is undone: environment, registers of parts, code of classes. */
const LEAVES_SOMETHING =
  /Object\.assign\(process\.env|process\.env\[[^\]]+\] = |\bregister[A-Z]\w+\(|\bplugins: \[plugin\]|\b(?:loadPlugins|checkPlugin|lyingNode)\(|spyOn\([\w.]+\.prototype/;

/** Paths below `root` of the test files whose first comment says `Own process: `. Throws where a file ought to say it and does not. */
export function filesWithOwnProcess(root: string): string[] {
  return readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `test/${file.replaceAll('\\', '/')}`)
    .filter((file) => {
      const text = readFileSync(`${root}/${file}`, 'utf8');
      if (/^\/\*\*(?:(?!\*\/)[^])*\bOwn process: /.test(text)) return true;
      const found = LEAVES_SOMETHING.exec(text)?.[0];
      if (found === undefined) return false;
      throw new Error(
        `${file} has "${found}", which reaches the tests that come after it in its process: undo it, or say "Own process: WHY." in its first comment.`,
      );
    });
}
