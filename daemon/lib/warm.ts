/**
 * True for the builder's warm start (build/contract.md): everything is loaded and the API listens, but containerd is neither started nor dialled and nothing outside
 * the given folders is touched.
 */
export function isWarmStart(): boolean {
  return process.env['POUCHD_WARM'] === '1';
}
