/** Windows and feature maps of convolutions on the page: by mouse and keyboard, wide and narrow, in a real browser. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeReport } from '../../src/page/report.js';
import { trainToEnd } from '../../src/run/train.js';
import { tempFolder } from '../cli/helpers.js';
import { TestBrowser } from '../../tools/browser.js';

const { folder: runs, drop } = tempFolder();
const file = path.join(runs, 'report.html');
let browser: TestBrowser;

beforeAll(async () => {
  browser = await TestBrowser.start();
  const layers = ['1x28x28', 'conv14k5+bn+max2', 'conv8+max2', 20];
  const spec = { layers, objective: 'pred', trainSamples: 600, testSamples: 200, epochs: 1 } as const;
  await trainToEnd({ spec, out: path.join(runs, 'planes'), threadsPerNode: 1 });
  await writeReport([path.join(runs, 'planes')], file);
});
afterAll(async () => {
  await browser.close();
  drop();
});

/** What the first picture of a group shows, to be compared. */
function drawn(page: Page, group: string): Promise<string> {
  return page.evaluate(`document.querySelector('#maps [role=group][aria-label^="${group}"] canvas').toDataURL()`);
}

it.each([
  [1280, 'light'],
  [390, 'dark'],
] as const)('are drawn, named and chosen by the keyboard, %i pixels wide, %s', async (width, colorScheme) => {
  const page = await browser.open(pathToFileURL(file).href, width);
  await page.emulateMedia({ colorScheme });
  await page.locator('#fields').scrollIntoViewIfNeeded();
  expect(await page.locator('#fields canvas').count()).toBe(14);
  expect(await page.locator('#fields canvas').first().getAttribute('aria-label')).toBe('channel 1');
  expect(await page.locator('#fields').textContent()).toContain('14 of 14 channels');
  await page.locator('#maps').scrollIntoViewIfNeeded();
  await page.locator('#maps canvas').first().waitFor();
  const groups = "[...document.querySelectorAll('#maps [role=group]')]";
  const names: string[] = await page.evaluate(`${groups}.map((each) => each.ariaLabel)`);
  expect(names.map((name) => name.replace(/image \d+: \d/, 'image N: C'))).toEqual([
    'Image: image N: C',
    'layer 1: 12 of 14 channels, 14 x 14',
    'layer 2: 8 of 8 channels, 7 x 7',
  ]);
  expect(await page.locator('#maps canvas').count()).toBe(1 + 12 + 8);
  expect(await page.locator('#maps canvas:not([aria-label])').count()).toBe(0);
  // Another image, without a mouse.
  const before = [await drawn(page, 'Image'), await drawn(page, 'layer 1')];
  const choice = page.getByLabel('Image', { exact: true });
  expect(await choice.locator('option').count()).toBe(3);
  await choice.focus();
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => drawn(page, 'Image')).not.toBe(before[0]);
  expect(await drawn(page, 'layer 1')).not.toBe(before[1]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  expect([browser.strangers, browser.complaints]).toEqual([[], []]);
  if (process.env['PFF_SHOTS']) {
    await page.locator('#fields').screenshot({ path: `${process.env['PFF_SHOTS']}/fields-${width}.png` });
    await page.locator('#maps').screenshot({ path: `${process.env['PFF_SHOTS']}/maps-${width}.png` });
  }
  await page.close();
});
