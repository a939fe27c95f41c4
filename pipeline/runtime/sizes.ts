/** Decimal multiples, as disks and data sets are sold and described; `KiB`-style ones are binary. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of a size such as `200MB`, `1.5 GiB` or `4096`; undefined when the text is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? "none"];
  if (match?.[1] === undefined || unit === undefined) return undefined;
  return Math.round(Number(match[1]) * unit);
}

/** A byte count for people, three significant digits: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  return `${scale(bytes, ["B", "kB", "MB", "GB", "TB"])}`;
}

/** A count for people: `950`, `12.3 k`, `60.6 G`. */
export function formatCount(count: number): string {
  return scale(count, ["", "k", "M", "G", "T"]).trim();
}

/** A duration for people: `8 s`, `3 min 20 s`, `2 h 5 min`, `44 d 3 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

function scale(value: number, units: readonly string[]): string {
  let power = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 999.5 && power < units.length - 1) {
    scaled /= 1000;
    power += 1;
  }
  const digits = power === 0 || Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(Number.isInteger(scaled) && power === 0 ? 0 : digits)} ${units[power] ?? ""}`;
}
