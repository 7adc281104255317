/** Who may take part by a link: a token that lets so many browsers in until it expires, and a secret of its own for each that came. */
import { randomBytes } from 'node:crypto';
import { same } from '../access.js';

/** Wrong tokens that one address may try in a minute. */
const MOST_WRONG = 10;
const MINUTE_MS = 60_000;

export interface GuestOptions {
  readonly token: string;
  /** Milliseconds for which the link lets browsers in. Those that came in time stay. */
  readonly expiresMs: number;
  /** Browsers that the link lets in; 1: it is used up by the first. */
  readonly most: number;
  readonly now?: () => number;
}

export interface Guest {
  /** A number from 1, for people. */
  readonly number: number;
  readonly secret: string;
}

export type Refusal = 'wrong' | 'expired' | 'full' | 'too-often';

export class Guests {
  readonly token: string;
  readonly #options: GuestOptions;
  readonly #now: () => number;
  readonly #sinceMs: number;
  readonly #guests: Guest[] = [];
  readonly #wrong = new Map<string, { count: number; sinceMs: number }>();

  constructor(options: GuestOptions) {
    this.token = options.token;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#sinceMs = this.#now();
  }

  /** A browser at `address` comes with `token`. */
  join(token: string, address: string): Guest | Refusal {
    const { expiresMs, most } = this.#options;
    const now = this.#now();
    const before = this.#wrong.get(address);
    const recent = before && now - before.sinceMs < MINUTE_MS ? before : { count: 0, sinceMs: now };
    // The right one is let in all the same: behind a proxy all have one address, and nobody guesses 144 random bits.
    if (!same(token, this.#options.token)) {
      if (recent.count >= MOST_WRONG) return 'too-often';
      // Addresses that tried once are not kept for ever.
      if (this.#wrong.size > 10_000) this.#wrong.clear();
      this.#wrong.set(address, { ...recent, count: recent.count + 1 });
      return 'wrong';
    }
    if (now - this.#sinceMs >= expiresMs) return 'expired';
    if (this.#guests.length >= most) return 'full';
    const guest = { number: this.#guests.length + 1, secret: randomBytes(24).toString('base64url') };
    this.#guests.push(guest);
    return guest;
  }

  /** The guest of that secret. */
  of(secret: string | undefined): Guest | undefined {
    return secret === undefined ? undefined : this.#guests.find((guest) => same(guest.secret, secret));
  }
}
