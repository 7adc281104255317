/** A line for people about kernels that are slower than they need be. */

/** @param reason why better ones are not used */
export function kernelsNotice(kernels: string, reason: string): string {
  return `slower ${kernels} kernels are used: ${reason}`;
}
