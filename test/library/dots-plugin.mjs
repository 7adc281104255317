/** A plugin for tests: a tiny dataset of its own, and a goodness to train on it. */
const samples = (count) => ({
  count,
  images: Uint8Array.from({ length: 4 * count }, (_, i) => (37 * i) % 251),
  labels: Uint8Array.from({ length: count }, (_, i) => i % 2),
});

/** In shared memory, as threads need it. */
function shared({ count, images, labels }) {
  const parts = [images, labels].map((bytes) => {
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    return copy;
  });
  return { count, images: parts[0], labels: parts[1] };
}

export default {
  datasets: {
    dots: () =>
      Promise.resolve({
        name: 'dots',
        shape: { width: 2, height: 2, channels: 1 },
        classes: ['a', 'b'],
        train: shared(samples(64)),
        test: shared(samples(16)),
        digest: 'd0',
      }),
  },
  goodnesses: {
    activity: {
      of: (row) => row.reduce((sum, y) => sum + y, 0) / row.length,
      gradient: (row, out) => out.fill(1 / row.length),
    },
  },
};
