// The native side of tokenizer/native/native-encoder.ts.
#include <variant>

#include "encoder.h"
#include "napi.h"

namespace apt3 {
namespace {

/** Ids have 16 bits wherever the vocabulary allows it. */
using AnyEncoder = std::variant<Encoder<uint16_t>, Encoder<uint32_t>>;

std::vector<int32_t> int32s(napi_env env, napi_value value) {
  const TypedArray array = typedArray(env, value);
  if (array.type != napi_int32_array) throw std::runtime_error("expected an Int32Array");
  const auto* elements = static_cast<const int32_t*>(array.data);
  return {elements, elements + array.elements};
}

ModelTables tablesOf(napi_env env, napi_value object) {
  ModelTables tables;
  tables.merges = int32s(env, property(env, object, "merges"));
  tables.characters = int32s(env, property(env, object, "characters"));
  tables.byteIds = int32s(env, property(env, object, "byteIds"));
  decode(env, property(env, object, "unknownId"), tables.unknownId);
  decode(env, property(env, object, "fuseUnknown"), tables.fuseUnknown);
  if (!tables.byteIds.empty() && tables.byteIds.size() != 256) throw std::runtime_error("expected 256 byte ids");
  return tables;
}

WordScanner scannerOf(napi_env env, napi_value words) {
  std::string spaces, newlines, digits;
  decode(env, property(env, words, "spaces"), spaces);
  decode(env, property(env, words, "newlines"), newlines);
  decode(env, property(env, words, "digits"), digits);
  const Spaces kind = spaces == "each" ? Spaces::each : spaces == "runs" ? Spaces::runs : Spaces::joined;
  return WordScanner(kind, newlines == "isolated", digits == "isolated");
}

/** open(tables, words, wide, cachedWords): an encoder. */
napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<4> arguments(env, info);
    const ModelTables tables = tablesOf(env, arguments.values[0]);
    const WordScanner scanner = scannerOf(env, arguments.values[1]);
    bool wide = false;
    int64_t cachedWords = 0;
    decode(env, arguments.values[2], wide);
    decode(env, arguments.values[3], cachedWords);
    auto encoder = wide ? std::make_unique<AnyEncoder>(std::in_place_index<1>, tables, scanner, cachedWords)
                        : std::make_unique<AnyEncoder>(std::in_place_index<0>, tables, scanner, cachedWords);
    return externalOf(env, std::move(encoder));
  });
}

/**
 * encode(encoder, text, start, end, ids, count): encodes `text[start, end)` into `ids` from `count` on and returns how
 * many ids are there then. Beyond `end` the text needs `readAhead` zeros; ids need room for one a byte and four more.
 */
napi_value encode(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<6> arguments(env, info);
    auto* encoder = externalValue<AnyEncoder>(env, arguments.values[0]);
    const TypedArray text = typedArray(env, arguments.values[1]);
    const TypedArray ids = typedArray(env, arguments.values[4]);
    int64_t start = 0, end = 0, count = 0;
    decode(env, arguments.values[2], start);
    decode(env, arguments.values[3], end);
    decode(env, arguments.values[5], count);
    const auto inside = [](int64_t at, int64_t more, size_t elements) {
      return at >= 0 && more >= 0 && static_cast<uint64_t>(at) + static_cast<uint64_t>(more) <= elements;
    };
    if (end - start >= int64_t{1} << 31) throw std::runtime_error("a text of 2 GB or more");
    return std::visit(
        [&]<class Id>(Encoder<Id>& typed) {
          const auto type = sizeof(Id) == 2 ? napi_uint16_array : napi_uint32_array;
          if (text.type != napi_uint8_array || ids.type != type) throw std::runtime_error("arrays of another type");
          if (!inside(start, end - start, text.elements) || !inside(end, readAhead, text.elements) ||
              !inside(count, end - start + typed.slack, ids.elements)) {
            throw std::runtime_error("arrays too small");
          }
          Id* first = static_cast<Id*>(ids.data);
          Id* last = typed.encode(static_cast<const uint8_t*>(text.data), start, end, first + count);
          napi_value value;
          check(env, napi_create_int64(env, last - first, &value));
          return value;
        },
        *encoder);
  });
}

napi_value initialize(napi_env env, napi_value exports) {
  return guarded(env, [&] {
    defineFunction(env, exports, "open", open);
    defineFunction(env, exports, "encode", encode);
    return exports;
  });
}

}  // namespace
}  // namespace apt3

NAPI_MODULE_INIT() { return apt3::initialize(env, exports); }
