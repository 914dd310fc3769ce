/**
 * onnxruntime-node 1.30's Linux library reports usage to its maker unless this variable is set
 * before the library loads (seen: its telemetry's files in the temporary folder). Nothing here sends
 * anything anywhere. Must run on the main thread too, before a worker starts: a worker's
 * `process.env` is a copy that the native library doesn't see.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
