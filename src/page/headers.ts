/** Headers of all answers: what a page may load and do, and who may load what is answered. */
import type { MiddlewareHandler } from 'hono';

/** @param policy the Content-Security-Policy. @param more headers besides */
export function safeHeaders(policy: string, more: Readonly<Record<string, string>> = {}): MiddlewareHandler {
  return async (context, next) => {
    await next();
    context.header('Content-Security-Policy', policy);
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('Referrer-Policy', 'no-referrer');
    context.header('Cross-Origin-Resource-Policy', 'same-origin');
    context.header('Cache-Control', 'no-store');
    for (const [name, value] of Object.entries(more)) context.header(name, value);
  };
}

/** Apart from all other sites, so that the page may have memory that its workers share. */
export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
};
