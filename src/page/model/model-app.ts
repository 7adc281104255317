/** A trained model over HTTP: predictions of JSON, tables and images, what it takes, health, metrics, and a page to try it on. */
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { SampleValues } from '../../data/dataset.js';
import { imageKind } from '../../data/readers/image-bytes.js';
import { foundIn } from '../../data/sources/own/kind.js';
import { userImage } from '../../data/sources/own/user-image.js';
import { PffError } from '../../errors.js';
import { imageValues } from '../../layers/sizes.js';
import type { Model, ModelRow } from '../../run/model.js';
import { rowsForInputs } from '../../data/readers/rows-for-inputs.js';
import type { Prediction } from '../../run/saved-model.js';
import { bearerOrCookie, loopbackOnly } from '../access.js';
import { safeHeaders } from '../headers.js';
import { Batcher } from './batcher.js';
import { TRY_POLICY, tryDocument, TRY_SCRIPT } from './try-page.js';

const MOST_BYTES = 32 << 20;

/** What a prediction comes to in an answer. */
type Answer = Omit<Prediction, 'scores'> & { readonly remarks?: readonly string[] };

export interface ModelFacts {
  /** What to call it: the run. */
  readonly name: string;
  readonly digest: string | undefined;
}

/** `token`: needed by everybody; without one only requests to a loopback name are answered. */
export function modelApp(model: Model, facts: ModelFacts, token: string | undefined): Hono {
  const { inputs, classes, spec } = model;
  const size = imageValues(spec.layers);
  const batcher = new Batcher(model, size);
  const requests = new Map<number, number>();
  let [seconds, answered] = [0, 0];
  const app = new Hono();
  app.use(safeHeaders(TRY_POLICY));
  app.get('/health', (context) => context.json({ status: 'ok', model: facts.name }));
  app.use(token === undefined ? loopbackOnly() : bearerOrCookie(token));
  app.get('/', (context) => context.html(tryDocument()));
  app.get('/try.js', (context) => context.body(TRY_SCRIPT, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  app.get('/model', (context) =>
    context.json({
      ...facts,
      dataset: spec.dataset,
      layers: spec.layers,
      classes,
      inputs,
      kernels: model.kernels.name,
    }),
  );
  app.get('/metrics', (context) =>
    context.text(
      [
        '# TYPE pff_requests_total counter',
        ...[...requests].map(([status, count]) => `pff_requests_total{status="${status}"} ${count}`),
        '# TYPE pff_samples_total counter',
        `pff_samples_total ${batcher.samples}`,
        '# TYPE pff_batches_total counter',
        `pff_batches_total ${batcher.batches}`,
        '# TYPE pff_request_seconds summary',
        `pff_request_seconds_sum ${seconds}`,
        `pff_request_seconds_count ${answered}`,
        '',
      ].join('\n'),
    ),
  );
  const tooLarge = (context: Context) =>
    context.json({ error: `a request has at most ${MOST_BYTES} bytes`, hint: 'Send fewer samples at once.' }, 413);
  app.use('/predict', async (context, next) => {
    const from = performance.now();
    await next();
    const { status } = context.res;
    seconds += (performance.now() - from) / 1000;
    answered++;
    requests.set(status, (requests.get(status) ?? 0) + 1);
  });
  app.post('/predict', bodyLimit({ maxSize: MOST_BYTES, onError: tooLarge }), (context) =>
    predicted(context, model, batcher).then(
      (predictions) => context.json({ predictions }),
      (error: unknown) => {
        if (error instanceof PffError) return context.json({ error: error.message, hint: error.hint }, 400);
        throw error;
      },
    ),
  );
  return app;
}

async function predicted(context: Context, model: Model, batcher: Batcher): Promise<Answer[]> {
  const bytes = new Uint8Array(await context.req.arrayBuffer());
  const { inputs } = model;
  if (imageKind(bytes) !== undefined) {
    if (inputs.kind === 'columns')
      throw new PffError('data', `the model takes rows of ${inputs.columns.length} columns, but was sent an image`, {
        hint: 'GET /model says which columns.',
      });
    const { pixels, remarks } = await userImage(bytes, 'the image', inputs);
    return (await batcher.predict(pixels)).map((each) => ({
      ...short(each),
      ...(remarks.length > 0 ? { remarks } : {}),
    }));
  }
  // Lines of JSON, which are a table, have types of their own; and clients say anything of what they send.
  const type = (context.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const values =
    type === 'application/json' || type.endsWith('+json') || hasRows(bytes)
      ? fromJson(bytes, model)
      : await fromTable(bytes, model);
  return values.length === 0 ? [] : (await batcher.predict(values)).map(short);
}

/** Whether it is one JSON object with rows. */
function hasRows(bytes: Uint8Array): boolean {
  if (bytes.find((byte) => byte > 32) !== 0x7b) return false;
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof found === 'object' && found !== null && 'rows' in found && Array.isArray(found.rows);
  } catch {
    return false;
  }
}

/** `{ "rows": [{ … } or [ … ], …] }`, or one such row alone. @throws PffError `data` */
function fromJson(bytes: Uint8Array, model: Model): SampleValues {
  let body: object | undefined;
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes));
    body = typeof found === 'object' && found !== null ? found : undefined;
  } catch {
    throw new PffError('data', 'the request is not JSON', { hint: 'Send {"rows": [ … ]}, or an image as it is.' });
  }
  const rows: unknown = body && 'rows' in body ? body.rows : Array.isArray(body) ? body : [body];
  if (body === undefined || !Array.isArray(rows) || rows.some((row) => typeof row !== 'object' || row === null))
    throw new PffError('data', 'the request has no rows', {
      hint: 'Send {"rows": [{"column": value, …}, …]} or {"rows": [[value, …], …]}.',
    });
  return model.encodeRows(rows as ModelRow[]);
}

async function fromTable(bytes: Uint8Array, model: Model): Promise<SampleValues> {
  const found = foundIn(bytes, 'the request');
  const { kind } = found;
  if (kind === 'npz' || kind === 'npy')
    throw new PffError('data', 'the request holds arrays', { hint: 'Send JSON, a table, or an image.' });
  const rows = await rowsForInputs({ ...found, kind }, 'the request', model.inputs);
  return model.encodeRows(rows.map(({ cells }) => cells));
}

function short({ label, className, shares }: Prediction): Answer {
  return { label, className, shares };
}
