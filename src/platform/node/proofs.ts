/** What has been proved of this machine in this process, by key. A thread that starts later knows what was proved before. */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

const own = (key: string): string => `pff proved: ${key}`;

export function isProved(key: string): boolean {
  return getEnvironmentData(own(key)) === true;
}

export function setProved(key: string): void {
  setEnvironmentData(own(key), true);
}
