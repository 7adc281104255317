/** Names that a program or plugin has added to those that a spec may use. Each thread has its own list. */

export const OWN_KINDS = ['objective', 'goodness', 'negatives', 'schedule'] as const;
export type OwnKind = (typeof OWN_KINDS)[number];

const names: Readonly<Record<OwnKind, Set<string>>> = {
  objective: new Set(),
  goodness: new Set(),
  negatives: new Set(),
  schedule: new Set(),
};

export function addOwnName(kind: OwnKind, name: string): void {
  names[kind].add(name);
}

export function isOwnName(kind: OwnKind, name: string): boolean {
  return names[kind].has(name);
}

export function ownNames(kind: OwnKind): string[] {
  return [...names[kind]];
}
