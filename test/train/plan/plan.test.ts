import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createReferenceBackend } from "../../../model/backends/reference.ts";
import { exists } from "../../../pipeline/runtime/files.ts";
import { readTrainingConfig } from "../../../train/config.ts";
import { cards, findCard } from "../../../train/plan/cards.ts";
import {
  checkMemory,
  checkPatience,
  formatPlan,
  formatTime,
  planTraining,
} from "../../../train/plan/plan.ts";
import {
  cardNamed,
  formatCard,
  formatCards,
  planForCard,
  tokensPerSecond,
} from "../../../train/plan/plan-card.ts";
import { pretrain } from "../../../train/pretrain.ts";
import { runApt3 } from "../../support/apt3.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { makeTinyRun, notingContext } from "../tiny-run.ts";

const root = temporaryFolder();
const config = await readTrainingConfig("apt3-1b", undefined);
const reference = createReferenceBackend();
const small = await readTrainingConfig("demo", { vocabSize: 100, seqLen: 16 });

describe("the plan of APT3-1B", () => {
  const planned = planForCard(cardNamed("RTX 4090"), config);

  it("states parameters, tokens and operations", () => {
    const { plan } = planned;
    assert.equal(plan.parameters, 1_041_754_112);
    assert.equal(plan.flopsPerToken, 6 * 1_041_754_112 + 12 * 18 * 2048 * 2048);
    const text = formatPlan(plan, config, reference);
    assert.match(text, /28,900 steps, 60\.6 G tokens, 4\.34e\+20 FLOP/);
    assert.match(text, /moments +8\.33 GB\n/);
    assert.match(formatTime(plan, 15_943), /^time +43 d 23 h at 15,943 tokens\/s \(calculated\)$/);
  });

  it("fits 24 GiB without recomputation, and a smaller card with it, then with moments in bf16, if at all", () => {
    assert.equal(planned.config.recompute, "none");
    assert.equal(planned.config.optimizer.moments, "f32");
    assert.ok(planned.plan.memory.totalBytes <= 22.5e9, `${planned.plan.memory.totalBytes} bytes`);
    const needed = planned.plan.memory.totalBytes;
    const card = (memoryGiB: number) => ({ name: "test", memoryGiB, multiprocessors: 100, teraflops: 100 });
    const tight = planForCard(card((needed + 0.8e9) / 2 ** 30), config);
    assert.equal(tight.config.recompute, "selective");
    assert.ok(tight.plan.memory.totalBytes < needed);
    const rounded = planForCard(card(18), config).config;
    assert.deepEqual([rounded.recompute, rounded.optimizer.moments], ["none", "bf16"]);
    assert.equal(planForCard(card(12), config).fits, false);
    assert.match(
      formatCard(card(12), config, 0.5),
      /does not fit: set recompute and optimizer.moments to auto/,
    );
    const exact = { ...config, optimizer: { ...config.optimizer, moments: "f32" } } as const;
    assert.equal(planForCard(card(18), exact).fits, false);
  });

  it("gives the published speed at the published share of the peak", () => {
    const speed = tokensPerSecond(planned, 0.691);
    assert.ok(Math.abs(speed - 15_943) < 50, `${speed} tokens/s`);
  });

  it("is a table of all cards, or one card at several efficiencies, marked as calculated", () => {
    const table = formatCards(config, 0.5);
    for (const { name } of cards) assert.ok(table.includes(name));
    assert.match(table, /tokens\/s at 50 %/);
    assert.match(table, /Calculated from data sheets, not measured/);
    const one = formatCard(cardNamed("RTX 4090"), config, 0.69);
    assert.match(one, /69 % ← +15,9\d\d +44 d/);
    assert.match(one, /Calculated from data sheets, not measured/);
  });

  it("finds a card however it is spelt", () => {
    for (const name of ["rtx4090", "NVIDIA GeForce RTX 4090", "RTX-4090"]) {
      assert.equal(findCard(name)?.name, "RTX 4090");
    }
    assert.equal(findCard("NVIDIA H100 80GB HBM3")?.name, "H100 SXM");
    assert.equal(findCard("NVIDIA A100-SXM4-80GB")?.name, "A100 80GB");
    assert.throws(() => cardNamed("Voodoo 2"), {
      exitCode: 2,
      message: /--gpu Voodoo 2: no figures .*RTX 4090/,
    });
  });
});

describe("before the first step", () => {
  it("a run that does not fit the memory is refused", () => {
    const plan = planTraining(small, reference, 10);
    checkMemory(plan, { ...reference, memoryBytes: plan.memory.totalBytes });
    assert.throws(() => checkMemory(plan, { ...reference, memoryBytes: plan.memory.totalBytes - 1 }), {
      exitCode: 2,
      message:
        /training needs .*B, the reference backend has .*B; set recompute and optimizer.moments to auto/,
    });
    const sampling = { ...plan, sampleBytes: 1 };
    assert.throws(
      () => checkMemory(sampling, { ...reference, memoryBytes: plan.memory.totalBytes }),
      /needs/,
    );
  });

  it("a run that would take days in plain TypeScript is refused, unless it was asked for", () => {
    const huge = planTraining({ ...config, precision: "f32" }, reference, 28_900);
    assert.throws(() => checkPatience(huge, reference, "auto", ["cpu: no compiler"]), {
      exitCode: 2,
      message:
        /only the reference backend can run here \(cpu: no compiler\).* \d+ d .*insist with --backend reference/,
    });
    checkPatience(huge, reference, "reference", []);
    checkPatience(huge, { ...reference, name: "cpu" }, "auto", []);
    checkPatience(planTraining(small, reference, 10), reference, "auto", []);
  });
});

describe("pretrain", () => {
  it("shows the plan when it refuses, and touches nothing", async () => {
    const wide = "model: { layers: 90, dModel: 40000, heads: 2, kvHeads: 1, dHidden: 99999 }";
    const options = await makeTinyRun(root, "giant", (text) => text.replace(/model: .*/, wide));
    const context = notingContext();
    await assert.rejects(pretrain(options, context), {
      exitCode: 2,
      message: /^training needs \d+(\.\d+)? TB, the/,
    });
    assert.match(
      context.lines.join("\n"),
      /parameters +\d+,.*\n(.*\n)*memory.*\n +moments +\d.*TB\n(.*\n)* +available/,
    );
    assert.equal(await exists(options.out ?? ""), false);
    const patient = notingContext();
    await assert.rejects(pretrain({ ...options, backend: "auto" }, patient), { exitCode: 2 });
    assert.match(patient.lines.join("\n"), /available/);
  });
});

describe("apt3 plan", () => {
  it("prints a table for people and figures for programs", async () => {
    const { code, stdout } = await runApt3(["plan", "--gpu", "RTX 4090", "--efficiency", "0.691", "--json"]);
    assert.equal(code, 0);
    const done = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<string, number>;
    assert.equal(done.parameters, 1_041_754_112);
    assert.equal(done.tokens, 60_607_692_800);
    assert.ok(Math.abs((done.days ?? 0) - 44) < 0.2);
    const mistake = await runApt3(["plan", "--efficiency", "2"]);
    assert.equal(mistake.code, 2);
    assert.match(mistake.stderr, /--efficiency: expected at most 1/);
  });
});
