import { basename, join, resolve } from "node:path";
import { isCode, writeFileAtomic } from "../../pipeline/runtime/files.ts";
import { type ReportedRun, renderReport } from "./report.ts";

/** Writes `report.html` into a run's folder; a full disk only leaves the one before. */
export async function writeReport(folder: string, run: Omit<ReportedRun, "name">): Promise<void> {
  try {
    await writeFileAtomic(
      join(folder, "report.html"),
      renderReport({ ...run, name: basename(resolve(folder)) }),
    );
  } catch (error) {
    if (!isCode(error, "ENOSPC", "EDQUOT")) throw error;
  }
}
