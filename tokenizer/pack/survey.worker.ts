import { workerTask } from "../../pipeline/runtime/workers.ts";
import { loadTokenizer } from "../load.ts";
import { createDocumentEncoder } from "./encode-unit.ts";
import { estimate } from "./estimate.ts";
import type { SurveyResult, SurveyTask } from "./survey.ts";

export default workerTask(async (task: SurveyTask): Promise<SurveyResult> => {
  if (task.about === "texts") return await estimate(task.files, await createDocumentEncoder(task.encode));
  const { tokenizer, sha256 } = await loadTokenizer(task.folder);
  const { vocabSize, bosId, eosId, padId } = tokenizer;
  return { sha256, vocabSize, bosId, eosId, padId };
});
