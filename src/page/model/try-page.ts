/** The page of a served model: a field to draw on or to drop an image, or a form with the columns of a table. */

/** Scripts from the server only; the page asks the server only. */
export const TRY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function tryDocument(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pff model</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
  canvas { border: 1px solid gray; touch-action: none; max-width: 100%; cursor: crosshair; }
  label { display: grid; grid-template-columns: 14rem 1fr; gap: 1rem; margin: .25rem 0; }
  button, input, select { font: inherit; padding: .25rem .5rem; }
  output { display: block; margin-top: 1rem; white-space: pre-line; }
  output b { font-size: 1.5rem; }
</style>
<h1>pff model</h1>
<p id="what"></p>
<main></main>
<output aria-live="polite"></output>
<script type="module" src="try.js"></script>
</html>
`;
}

export const TRY_SCRIPT = `
const main = document.querySelector('main');
const out = document.querySelector('output');
const model = await (await fetch('model')).json();
document.getElementById('what').textContent = model.name + ': ' + model.classes.length + ' classes: ' + model.classes.slice(0, 30).join(', ');

// An answer that comes after the field was cleared, or after a later question, is of no use any more.
let asked = 0;
async function predict(body, type) {
  const turn = ++asked;
  const answer = await fetch('predict', { method: 'POST', body, headers: { 'Content-Type': type } });
  const found = await answer.json();
  if (turn !== asked) return;
  out.replaceChildren();
  if (found.error) {
    out.textContent = found.error + (found.hint ? '\\n' + found.hint : '');
    return;
  }
  const [first] = found.predictions;
  const strong = document.createElement('b');
  strong.textContent = first.className;
  const ranked = first.shares.map((share, i) => [share, model.classes[i]]).sort((a, b) => b[0] - a[0]).slice(0, 5);
  const lines = ranked.map(([share, name]) => name + ' ' + (100 * share).toFixed(1) + ' %').join('\\n');
  out.append(strong, '\\n' + lines + (first.remarks ? '\\n' + first.remarks.join('; ') : ''));
}

function element(name, more = {}) {
  return Object.assign(document.createElement(name), more);
}

if (model.inputs.kind === 'image') {
  const side = 280;
  const ground = (model.inputs.edge ?? 0) >= 128 ? 'white' : 'black';
  const canvas = element('canvas', { width: side, height: Math.round((side * model.inputs.shape.height) / model.inputs.shape.width) });
  const context = canvas.getContext('2d');
  const clear = () => {
    asked++;
    context.fillStyle = ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    out.replaceChildren();
  };
  clear();
  let drawing = false;
  const place = (event) => [
    ((event.clientX - canvas.getBoundingClientRect().left) * canvas.width) / canvas.clientWidth,
    ((event.clientY - canvas.getBoundingClientRect().top) * canvas.height) / canvas.clientHeight,
  ];
  const send = () => canvas.toBlob((blob) => predict(blob, 'image/png'));
  canvas.addEventListener('pointerdown', (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(...place(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!drawing) return;
    context.lineWidth = canvas.width / 14;
    context.lineCap = context.lineJoin = 'round';
    context.strokeStyle = ground === 'black' ? 'white' : 'black';
    context.lineTo(...place(event));
    context.stroke();
  });
  canvas.addEventListener('pointerup', () => {
    drawing = false;
    send();
  });
  const file = element('input', { type: 'file', accept: 'image/png,image/jpeg,image/webp' });
  const show = async (blob) => {
    predict(blob, blob.type || 'image/png');
    const image = await createImageBitmap(blob);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
  };
  file.addEventListener('change', () => file.files[0] && show(file.files[0]));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) show(event.dataTransfer.files[0]);
  });
  const button = element('button', { textContent: 'Clear' });
  button.addEventListener('click', clear);
  main.append(element('p', { textContent: 'Draw here, or drop an image.' }), canvas, element('br'), button, ' ', file);
} else {
  const fields = model.inputs.columns.map((column) => {
    const label = element('label', { textContent: column.name });
    const field = column.kind === 'text' ? element('select') : element('input', { value: Number(column.mean.toPrecision(4)), inputMode: 'decimal' });
    if (column.kind === 'text') field.append(...column.values.map((value) => element('option', { textContent: value })));
    label.append(field);
    main.append(label);
    return [column.name, field];
  });
  const button = element('button', { textContent: 'Predict' });
  button.addEventListener('click', () =>
    predict(JSON.stringify({ rows: [Object.fromEntries(fields.map(([name, field]) => [name, field.value]))] }), 'application/json'),
  );
  main.append(button);
}
`;
