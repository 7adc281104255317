/** Answers the bench's questions, one JSON object a line: {id, do, …arguments} in, {id, ok} or {id, error} out. */
import { createInterface } from 'node:readline';

/** `peer` has a method for each question; each takes the question's other fields and returns what goes back. */
export async function serve(peer) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: method, ...fields } = JSON.parse(line);
    try {
      console.log(JSON.stringify({ id, ok: await peer[method](fields) }));
    } catch (error) {
      console.log(JSON.stringify({ id, error: String(error) }));
    }
  }
}
