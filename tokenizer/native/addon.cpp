// What tokenizer/native/compiled-words.ts calls. Options are checked there; here only what memory safety needs.
#include <node_api.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

#include "text_encoder.h"

namespace apt3 {
namespace {

using AnyEncoder = std::variant<TextEncoder<uint16_t>, TextEncoder<uint32_t>>;

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  const bool told = info != nullptr && info->error_message != nullptr;
  throw std::runtime_error(told ? info->error_message : "a call into Node failed");
}

struct Elements {
  napi_typedarray_type type;
  size_t count;
  void* data;
};

Elements elementsOf(napi_env env, napi_value value) {
  Elements elements{};
  check(env, napi_get_typedarray_info(env, value, &elements.type, &elements.count, &elements.data, nullptr, nullptr));
  return elements;
}

napi_value property(napi_env env, napi_value object, const char* name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}

int64_t integer(napi_env env, napi_value value) {
  int64_t number = 0;
  check(env, napi_get_value_int64(env, value, &number));
  return number;
}

bool flag(napi_env env, napi_value value) {
  bool isSet = false;
  check(env, napi_get_value_bool(env, value, &isSet));
  return isSet;
}

std::vector<Id> ids(napi_env env, napi_value value) {
  const Elements elements = elementsOf(env, value);
  if (elements.type != napi_int32_array) throw std::runtime_error("expected an Int32Array");
  const auto* data = static_cast<const int32_t*>(elements.data);
  return {data, data + elements.count};
}

/** create({characters, merges, byteIds, unkId, fuseUnk, isolateNewlines, isolateDigits, wide, cachedWords}) */
napi_value create(napi_env env, napi_value options) {
  BpeOptions bpe;
  const std::vector<Id> byteIds = ids(env, property(env, options, "byteIds"));
  if (byteIds.size() != bpe.byteIds.size()) throw std::runtime_error("byteIds has 256 elements");
  for (size_t i = 0; i < byteIds.size(); i++) bpe.byteIds[i] = static_cast<int32_t>(byteIds[i]);
  bpe.unkId = static_cast<int32_t>(integer(env, property(env, options, "unkId")));
  bpe.fuseUnk = flag(env, property(env, options, "fuseUnk"));
  BpeModel model(ids(env, property(env, options, "characters")), ids(env, property(env, options, "merges")), bpe);
  const WordRules rules{flag(env, property(env, options, "isolateNewlines")),
                        flag(env, property(env, options, "isolateDigits"))};
  const auto cachedWords = static_cast<size_t>(integer(env, property(env, options, "cachedWords")));
  const bool wide = flag(env, property(env, options, "wide"));
  auto encoder =
      wide ? std::make_unique<AnyEncoder>(std::in_place_index<1>, std::move(model), rules, cachedWords)
           : std::make_unique<AnyEncoder>(std::in_place_index<0>, std::move(model), rules, cachedWords);
  napi_value handle;
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<AnyEncoder*>(data); };
  check(env, napi_create_external(env, encoder.get(), finalize, nullptr, &handle));
  encoder.release();
  return handle;
}

template <typename T>
int64_t encodeInto(TextEncoder<T>& encoder, const uint8_t* bytes, size_t start, size_t end, const Elements& out,
                   size_t at) {
  const bool isWide = sizeof(T) == sizeof(uint32_t);
  if (out.type != (isWide ? napi_uint32_array : napi_uint16_array)) throw std::runtime_error("ids of another width");
  if (at > out.count || out.count - at < TextEncoder<T>::roomFor(end - start))
    throw std::runtime_error("no room for the ids");
  T* first = static_cast<T*>(out.data);
  const T* next = encoder.append(bytes, start, end, first + at);
  return next == nullptr ? -1 : next - first;
}

/** encode(handle, bytes, start, end, ids, at): how many ids there are then, or -1 when the text is not UTF-8. */
napi_value encode(napi_env env, const napi_value (&arguments)[6]) {
  void* encoder = nullptr;
  check(env, napi_get_value_external(env, arguments[0], &encoder));
  const Elements text = elementsOf(env, arguments[1]);
  const int64_t start = integer(env, arguments[2]);
  const int64_t end = integer(env, arguments[3]);
  const Elements out = elementsOf(env, arguments[4]);
  const int64_t at = integer(env, arguments[5]);
  if (text.type != napi_uint8_array || start < 0 || end < start || at < 0 ||
      static_cast<size_t>(end) + kTextPadding > text.count || end > UINT32_MAX)
    throw std::runtime_error("a text outside its buffer");
  const auto* bytes = static_cast<const uint8_t*>(text.data);
  const int64_t length = std::visit(
      [&](auto& each) {
        return encodeInto(each, bytes, static_cast<size_t>(start), static_cast<size_t>(end), out,
                          static_cast<size_t>(at));
      },
      *static_cast<AnyEncoder*>(encoder));
  napi_value result;
  check(env, napi_create_int64(env, length, &result));
  return result;
}

/** Runs a native function; C++ exceptions become JavaScript ones. */
template <size_t count, class Body>
napi_value call(napi_env env, napi_callback_info info, Body body) {
  try {
    napi_value arguments[count];
    size_t given = count;
    check(env, napi_get_cb_info(env, info, &given, arguments, nullptr, nullptr));
    return body(arguments);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

void define(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
}

}  // namespace
}  // namespace apt3

NAPI_MODULE_INIT() {
  apt3::define(env, exports, "create", [](napi_env e, napi_callback_info info) {
    return apt3::call<1>(e, info, [e](const napi_value(&arguments)[1]) { return apt3::create(e, arguments[0]); });
  });
  apt3::define(env, exports, "encode", [](napi_env e, napi_callback_info info) {
    return apt3::call<6>(e, info, [e](const napi_value(&arguments)[6]) { return apt3::encode(e, arguments); });
  });
  return exports;
}
