/** Constants of `exp` and `log` (math.ts), also for devices that compute them by other means. ln 2 in two parts, so that products with small integers are exact. */
export const LN2_HIGH = 6.9314718036912381649e-1;
export const LN2_LOW = 1.90821492927058770002e-10;
export const INVERSE_LN2 = 1.4426950408889634;
