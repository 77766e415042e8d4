// The way in which every script reports to the test that drives it: one line of JSON per event.

export const config = JSON.parse(process.argv[2]);

export function tell(event, data = null) {
  process.stdout.write(`${JSON.stringify({ event, data })}\n`);
}
