/** Version and build of the page's own code, as `PROGRAM` of run/version.ts; put in when it is built. */
declare const PFF_PROGRAM: string;

export const PROGRAM = PFF_PROGRAM;
