/** Making elements. Text only ever becomes text nodes, whatever is in it. */
type Child = Node | string | number | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

const SVG = 'http://www.w3.org/2000/svg';

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  append(element, children);
  return element;
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children)
    if (child !== undefined && child !== false) element.append(typeof child === 'number' ? String(child) : child);
}

/** Gives `element` other children. */
export function put(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** Sets a text where it is another: even the same one would be laid out and painted again. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * As `put`, but keeps what is the same, so that only the rest is laid out and painted. For plain elements and text; not for
 * what has listeners, or a drawing that its attributes do not tell of.
 */
export function sync(element: Element, ...children: readonly Child[]): void {
  const next = document.createElement('div');
  append(next, children);
  syncChildren(element, [...next.childNodes]);
}

function syncChildren(element: Node, next: readonly ChildNode[]): void {
  const old = [...element.childNodes];
  next.forEach((child, i) => {
    const before = old[i];
    if (!before) element.appendChild(child);
    else if (before.nodeName !== child.nodeName || !sameAttributes(before, child)) before.replaceWith(child);
    else if (before.nodeType !== Node.TEXT_NODE) syncChildren(before, [...child.childNodes]);
    else if (before.nodeValue !== child.nodeValue) before.nodeValue = child.nodeValue;
  });
  for (const rest of old.slice(next.length)) rest.remove();
}

function sameAttributes(a: Node, b: Node): boolean {
  if (!(a instanceof Element) || !(b instanceof Element)) return true;
  return (
    a.attributes.length === b.attributes.length &&
    [...a.attributes].every(({ name, value }) => b.getAttribute(name) === value)
  );
}

/** Sets a custom property or style, which the page's policy allows where a style attribute would not be. */
export function styled<E extends HTMLElement | SVGElement>(element: E, name: string, value: string): E {
  element.style.setProperty(name, value);
  return element;
}

/** A colour of the present theme. */
export function themeColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A table with a heading row; numbers stand to the right. */
export function table(
  caption: string,
  columns: readonly (string | { readonly text: string; readonly number: true })[],
  rows: readonly (readonly (string | Node)[])[],
): HTMLElement {
  const nameOf = (i: number): string => {
    const column = columns[i];
    return typeof column === 'object' ? column.text : (column ?? '');
  };
  const numeric = (i: number): string | undefined => (typeof columns[i] === 'object' ? 'number' : undefined);
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      // On a narrow screen each row of a wide one becomes a list; of very many rows that would be no help.
      { class: columns.length > 4 && rows.length <= 32 ? 'wide' : undefined },
      h('caption', { class: 'hidden' }, caption),
      h('thead', {}, h('tr', {}, ...columns.map((_, i) => h('th', { scope: 'col', class: numeric(i) }, nameOf(i))))),
      h(
        'tbody',
        {},
        ...rows.map((row) =>
          h(
            'tr',
            {},
            ...row.map((cell, i) =>
              i === 0
                ? h('th', { scope: 'row', class: numeric(0) }, cell)
                : h('td', { class: numeric(i), 'data-column': nameOf(i) || undefined }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** The figures of a chart as a table, made when it is opened. */
export function asTable(make: () => Node): HTMLElement {
  const details = h('details', { class: 'figures' }, h('summary', {}, 'As a table'));
  details.addEventListener('toggle', () => {
    for (const old of [...details.children].slice(1)) old.remove();
    if (details.open) details.append(make());
  });
  return details;
}
