import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createAppender, openAppender } from "../../../train/run/appender.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();

/** A file on a disk with so many bytes of room. */
function smallDisk(room: number) {
  const content = Buffer.alloc(1000);
  const disk = { room, size: 0 };
  const file = {
    async write(data: Uint8Array, offset = 0, length = data.length, position = 0) {
      const fits = Math.min(length, disk.room - position);
      if (fits <= 0) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      content.set(data.subarray(offset, offset + fits), position);
      disk.size = Math.max(disk.size, position + fits);
      return { bytesWritten: fits, buffer: data };
    },
    sync: async () => undefined,
    close: async () => undefined,
  };
  return { disk, file, text: () => content.subarray(0, disk.size).toString() };
}

// Only these forms of FileHandle's many are used.
type File = Parameters<typeof createAppender>[0];

describe("an appender", () => {
  it("goes on after what the file holds", async () => {
    const path = join(root, "grows");
    for (const text of ["one ", "two ", "three"]) {
      const file = await openAppender(path, () => assert.fail("the disk is not full"));
      await file.append(text);
      await file.close();
    }
    assert.equal(await readFile(path, "utf8"), "one two three");
  });

  it("keeps what a full disk refuses, tells once, and writes it when there is room", async () => {
    const { disk, file, text } = smallDisk(6);
    let told = 0;
    const appender = createAppender(file as File, 0, () => {
      told += 1;
    });
    await appender.append("abcd\n");
    await appender.append("efgh\n");
    await appender.append("ijkl\n");
    await appender.sync();
    assert.equal(told, 1);
    disk.room = 100;
    await appender.append("mnop\n");
    assert.equal(text(), "abcd\nefgh\nijkl\nmnop\n");
  });

  it("passes every other failure on", async () => {
    const broken = {
      ...smallDisk(0).file,
      write: async () => {
        throw Object.assign(new Error("broken"), { code: "EIO" });
      },
    };
    await assert.rejects(createAppender(broken as File, 0, () => undefined).append("x"), { code: "EIO" });
  });
});
