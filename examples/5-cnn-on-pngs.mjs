// A convolutional network on PNGs, a folder a class: node examples/5-cnn-on-pngs.mjs FOLDER; without one it draws bars.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { PNG } from 'pngjs';
import { train } from 'pipeline-forward-forward';

const data = process.argv[2] ?? mkdtempSync(`${tmpdir()}/pff-bars-`);
for (const [lying, name] of process.argv[2] ? [] : ['upright', 'lying'].entries()) {
  mkdirSync(`${data}/${name}`);
  for (let i = 0; i < 120; i++) {
    const png = new PNG({ width: 12, height: 12 });
    const on = (p) => (lying ? Math.floor(p / 12) : p % 12) === i % 12;
    for (let p = 0; p < 144; p++) png.data.fill(on(p) ? 255 : (p * i) % 50, 4 * p, 4 * p + 4);
    writeFileSync(`${data}/${name}/${i}.png`, PNG.sync.write(png, { colorType: 0 }));
  }
}
const layers = [0, 'conv8+bn', 'conv16+bn+max2', 'conv16+bn+max2'];
const spec = { layers, objective: 'pred', epochs: 25, batch: 16, learningRate: 0.005, headLearningRate: 0.01 };
for await (const event of train({ data, spec }))
  if (event.type === 'finished') console.log(`accuracy ${event.result.testAccuracy.toFixed(3)}`);
