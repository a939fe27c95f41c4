/** Import rules of apt3. Imports point one way: train → model, tokenizer, pipeline; tokenizer → pipeline. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

module.exports = {
  forbidden: [
    forbid("no-cycles", "Modules must not import each other in a circle.", {}, { circular: true }),
    forbid(
      "native-is-below-all",
      "native/ compiles and loads addons; it knows no stage.",
      { path: "^native/" },
      { path: "^(pipeline|tokenizer|model|train|bin|test)/" },
    ),
    forbid(
      "node-api-is-for-node",
      "What a browser bundles of the tokenizer reaches no addon.",
      { path: "^tokenizer/", pathNot: "^tokenizer/(node\\.ts|native/)" },
      { path: "^(native|tokenizer/native)/" },
    ),
    forbid(
      "model-stands-alone",
      "model/ imports nothing of apt3 outside itself, but what loads its addon.",
      { path: "^model/" },
      { path: "^(pipeline|tokenizer|train|bin|test)/" },
    ),
    forbid(
      "pipeline-is-the-bottom",
      "pipeline/ knows nothing of tokens, models or training.",
      { path: "^pipeline/" },
      { path: "^(tokenizer|model|train|bin|test)/" },
    ),
    forbid(
      "runtime-is-below-the-stages",
      "pipeline/runtime/ makes any stage a job; it knows no stage.",
      { path: "^pipeline/runtime/" },
      { path: "^pipeline/(?!runtime/)" },
    ),
    forbid(
      "tokenizer-knows-no-model",
      "tokenizer/ may use pipeline/ and nothing above itself.",
      { path: "^tokenizer/" },
      { path: "^(model|train|bin|test)/" },
    ),
    forbid(
      "train-is-the-top",
      "Only the bin and tests may import from above.",
      { path: "^train/" },
      { path: "^(bin|test)/" },
    ),
    forbid(
      "nobody-imports-a-command",
      "Commands are reached through bin/commands.ts only.",
      { path: "^(pipeline|tokenizer|model|train)/" },
      { path: "-command\\.ts$" },
    ),
    forbid(
      "nobody-imports-a-worker",
      "Worker entries are started by the worker pool, never imported for values.",
      { pathNot: "^test/" },
      { path: "\\.worker\\.ts$", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "contract-imports-nothing",
      "The backend contract is a leaf.",
      { path: "^model/backend\\.ts$" },
      { path: ".*" },
    ),
    forbid(
      "product-without-dev-dependencies",
      "The product runs on its dependencies alone; types of what is optional may come from elsewhere.",
      {
        path: "^(bin|native|pipeline|tokenizer|model|train)/",
      },
      { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm", "type-only"] },
    ),
    forbid("resolvable", "Every import must resolve.", {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
    },
  },
};
