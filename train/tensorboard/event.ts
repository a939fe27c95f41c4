/**
 * TensorBoard's events: the few fields of TensorFlow's `Event`, `Summary` and `SessionLog` messages that curves and
 * texts need, in Protocol Buffers' wire format. Field numbers are those of event.proto, summary.proto and tensor.proto.
 */

export type Event =
  | { readonly kind: "version" }
  /** Data of this and later steps in earlier files is void: they are about to be taken again. */
  | { readonly kind: "restart"; readonly step: number }
  | { readonly kind: "scalars"; readonly step: number; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: "text"; readonly step: number; readonly tag: string; readonly text: string };

/** @param time in seconds since 1970 */
export function encodeEvent(event: Event, time: number): Uint8Array {
  const wallTime = double(1, time);
  switch (event.kind) {
    case "version":
      return join([wallTime, bytes(3, utf8("brain.Event:2"))]);
    case "restart":
      return join([wallTime, varint(2, event.step), bytes(7, varint(1, sessionStart))]);
    case "scalars": {
      const values = Object.entries(event.values).map(([tag, value]) =>
        bytes(1, join([bytes(1, utf8(tag)), float(2, value)])),
      );
      return join([wallTime, varint(2, event.step), bytes(5, join(values))]);
    }
    case "text": {
      const tensor = join([varint(1, stringType), bytes(8, utf8(event.text))]);
      const metadata = bytes(1, bytes(1, utf8("text")));
      const value = join([bytes(1, utf8(event.tag)), bytes(8, tensor), bytes(9, metadata)]);
      return join([wallTime, varint(2, event.step), bytes(5, bytes(1, value))]);
    }
  }
}

/** `SessionLog.SessionStatus.START` and `DataType.DT_STRING`. */
const sessionStart = 1;
const stringType = 7;

const utf8 = (text: string): Uint8Array => Buffer.from(text, "utf8");
const join = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

/** The wire types of Protocol Buffers. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function number(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.of(...out, rest);
}

const tag = (field: number, type: number): Uint8Array => number(field * 8 + type);
const varint = (field: number, value: number): Uint8Array => join([tag(field, wire.varint), number(value)]);
const bytes = (field: number, content: Uint8Array): Uint8Array =>
  join([tag(field, wire.bytes), number(content.length), content]);

function double(field: number, value: number): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value);
  return join([tag(field, wire.fixed64), out]);
}

function float(field: number, value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return join([tag(field, wire.fixed32), out]);
}
