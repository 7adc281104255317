/** The WebAssembly of the decoders of JPEG and WebP, beside the page's scripts. */

export async function decoderBytes(kind: 'jpeg' | 'webp'): Promise<Uint8Array> {
  // Written out, for bundlers to find the files.
  const url =
    kind === 'jpeg'
      ? new URL('../../../node_modules/@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', import.meta.url)
      : new URL('../../../node_modules/@jsquash/webp/codec/dec/webp_dec.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the decoder could not be loaded: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
