/** What `npm run check:gpu` runs under compute-sanitizer: every operation once, on small operands. */
import { createCudaBackend } from "../../../model/backends/cuda.ts";
import { createInputs, operationCases } from "../operations.ts";

const backend = await createCudaBackend();
for (const { name, run } of operationCases) {
  for (const buffer of run(backend, createInputs(backend, name, "bf16"))) await backend.read(buffer);
}
await backend.close();
