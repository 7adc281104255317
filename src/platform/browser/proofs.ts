/** What has been proved of this machine by this page or worker, by key. */
const proofs = new Set<string>();

export function isProved(key: string): boolean {
  return proofs.has(key);
}

export function setProved(key: string): void {
  proofs.add(key);
}
