/** The `fetch` to download with: through a proxy where the environment names one, which Node.js's own does not heed. Node.js only. */

/** As curl reads them: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals or not. */
export async function environmentFetch(env: NodeJS.ProcessEnv = process.env): Promise<typeof fetch> {
  const [http, https, none] = ['http_proxy', 'https_proxy', 'no_proxy'].map(
    (name) => env[name] ?? env[name.toUpperCase()],
  );
  if (!http && !https) return fetch;
  // Loaded only where it is needed.
  const { EnvHttpProxyAgent, fetch: proxied } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent({
    ...(http ? { httpProxy: http } : {}),
    ...(https ? { httpsProxy: https } : {}),
    ...(none ? { noProxy: none } : {}),
    // Many proxies make tunnels to ports of HTTPS only.
    proxyTunnel: false,
  });
  const given = proxied as unknown as (address: unknown, init: object) => Promise<Response>;
  return (address, init) => given(address, { ...init, dispatcher });
}
