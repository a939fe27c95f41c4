/**
 * What `npm run check:gpu` runs under compute-sanitizer: every operation once, on small operands, by our kernels. Of
 * cuBLASLt's own kernels for Hopper racecheck reports hazards (13.0, 2026-11).
 */
import { createCudaBackend } from "../../../model/backends/cuda.ts";
import { createInputs, operationCases } from "../operations.ts";

const [library] = process.argv.slice(2);
const backend = await createCudaBackend({ cublasLt: "none", ...(library === undefined ? {} : { library }) });
for (const { name, run } of operationCases) {
  for (const buffer of run(backend, createInputs(backend, name, "bf16"))) await backend.read(buffer);
}
await backend.close();
