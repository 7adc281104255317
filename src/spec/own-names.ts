/** Names that a program or plugin has added to those that a spec may use. Each thread has its own list. */

export const OWN_KINDS = ['objective', 'goodness', 'negatives', 'schedule'] as const;
export type OwnKind = (typeof OWN_KINDS)[number];

const names: ReadonlyMap<OwnKind, Set<string>> = new Map(OWN_KINDS.map((kind) => [kind, new Set()]));

export function addOwnName(kind: OwnKind, name: string): void {
  names.get(kind)?.add(name);
}

export function isOwnName(kind: OwnKind, name: string): boolean {
  return names.get(kind)?.has(name) === true;
}

export function ownNames(kind: OwnKind): string[] {
  return [...(names.get(kind) ?? [])];
}
