/** Files that the page makes: a chart as SVG and PNG, its figures as CSV. Nothing leaves this machine. */
import { h } from './dom.js';

/** So sharp that a PNG can be printed. */
const SCALE = 2;

function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = h('a', { href: url, download: name });
  link.click();
  // Once the browser has taken it up.
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A cell as RFC 4180 has it. One that a spreadsheet would take for a formula is written as text. */
function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((row) => `${row.map(cellOf).join(',')}\r\n`).join('');
}

async function pngOf(drawing: SVGSVGElement): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(drawing))}`;
  await image.decode();
  const canvas = h('canvas', { width: SCALE * image.width, height: SCALE * image.height });
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the chart cannot be drawn'))), 'image/png');
  });
}

/** Three buttons for a chart called `title`. */
export function downloads(
  title: string,
  drawing: () => SVGSVGElement,
  rows: () => readonly (readonly (string | number | null)[])[],
): HTMLElement {
  const name = title.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '-');
  const button = (kind: string, make: () => Promise<Blob> | Blob): HTMLElement => {
    const element = h('button', { type: 'button', 'aria-label': `Download ${title} as ${kind}` }, kind);
    element.addEventListener('click', () => {
      void Promise.resolve(make()).then((blob) => save(`${name}.${kind.toLowerCase()}`, blob));
    });
    return element;
  };
  const source = (): string => new XMLSerializer().serializeToString(drawing());
  return h(
    'div',
    { class: 'downloads', role: 'group', 'aria-label': `Download ${title}` },
    button('SVG', () => new Blob([source()], { type: 'image/svg+xml' })),
    button('PNG', () => pngOf(drawing())),
    button('CSV', () => new Blob([csvOf(rows())], { type: 'text/csv' })),
  );
}
