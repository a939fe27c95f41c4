/** What `npm run check:gpu` runs under compute-sanitizer: every operation once, on small operands. */
import { createCudaBackend } from "../../../model/backends/cuda.ts";
import { createInputs, operationCases } from "../operations.ts";

const [library] = process.argv.slice(2);
const backend = await createCudaBackend(library === undefined ? {} : { library });
for (const { name, run } of operationCases) {
  for (const buffer of run(backend, createInputs(backend, name, "bf16"))) await backend.read(buffer);
}
await backend.close();
