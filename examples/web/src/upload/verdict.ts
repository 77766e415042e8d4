// What becomes of an upload that its library has given up.

import type { Problem } from '../api/problem';
import { mayPass } from './transfer';

/**
 * - `wait`: nothing is wrong with it; it goes on when the server can be reached
 * - `anew`: the server has it no more (404, 410). The same `client_message_id` makes a new upload, or finds the message
 * - `elsewhere`: another device of this person sends it now
 * - `rename`: this `client_message_id` belongs to another file, or its upload was rejected (422). For another attempt it
 *   needs a new one
 * - `fail`: a person has to decide
 */
export type Verdict = 'wait' | 'anew' | 'elsewhere' | 'rename' | 'fail';

export function verdictOn({ status, code }: Problem): Verdict {
  if (mayPass(status)) return 'wait';
  if (status === 410 || code === 'upload_not_found') return 'anew';
  if (code === 'upload_displaced') return 'elsewhere';
  if (status === 422) return 'rename';
  return 'fail';
}
