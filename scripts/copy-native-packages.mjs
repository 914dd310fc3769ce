/**
 * Copies the packages with native code, and what they need while they run, with the binaries of one
 * kind of machine only: node scripts/copy-native-packages.mjs FROM TO linux-x64
 * FROM and TO are folders node_modules.
 */
import { copyNativePackages, nativePackages } from './native-packages.mjs';

const [from, to, machine = ''] = process.argv.slice(2);
if (!to || !/^\w+-\w+$/.test(machine)) {
  console.error('usage: node scripts/copy-native-packages.mjs FROM TO linux-x64|linux-arm64');
  process.exit(2);
}
try {
  await copyNativePackages(nativePackages, from, to, machine);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
