/** Who may see the page: this machine's own browsers, or, where it listens to others, those who have the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1', '[::1]']);

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/**
 * Refuses requests that name another host: a page elsewhere could have its own name lead to this machine. Only for servers
 * on loopback; others are protected by their token.
 */
export function loopbackOnly(): MiddlewareHandler {
  return async (context, next) => {
    const host = (context.req.header('host') ?? '').replace(/:\d+$/, '');
    if (!isLoopback(host)) return context.text('This page is for this machine only.\n', 403);
    return next();
  };
}

/** Lets in who has the token, once by `?token=`, then by a cookie, so that it does not stay in the address. */
export function tokenNeeded(token: string): MiddlewareHandler {
  // Browsers give a cookie to all ports of a host: pages of several runs need names of their own.
  const name = `pff-${createHash('sha256').update(token).digest('hex').slice(0, 16)}`;
  return async (context, next) => {
    const given = context.req.query('token');
    if (given !== undefined && same(given, token)) {
      // Lax: the link may be opened from a chat or a mail; nothing here changes anything. No path: behind a proxy the page lies in a
      // folder that only the browser knows, as it does where to go on: to the same address without the token.
      setCookie(context, name, token, { httpOnly: true, sameSite: 'Lax', path: '' });
      return context.redirect('?');
    }
    const kept = getCookie(context, name);
    if (kept !== undefined && same(kept, token)) return next();
    return context.text('This page needs its token: open the address that pff printed, with ?token=…\n', 401);
  };
}

/** As `tokenNeeded`; programs give the token as `Authorization: Bearer …`. */
export function bearerOrCookie(token: string): MiddlewareHandler {
  const byCookie = tokenNeeded(token);
  return async (context, next) => {
    const given = /^Bearer (.*)$/.exec(context.req.header('authorization') ?? '')?.[1];
    return given !== undefined && same(given, token) ? next() : byCookie(context, next);
  };
}

/** Takes as long for any wrong token. */
export function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
