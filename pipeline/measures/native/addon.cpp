// The native side of pipeline/measures/native/native-reader.ts.
#include "measures.h"
#include "napi.h"

namespace apt3 {
namespace {

constexpr size_t unitCount = 1 << 16;

template <class Element>
struct ElementType;
template <>
struct ElementType<uint8_t> {
  static constexpr auto value = napi_uint8_array;
};
template <>
struct ElementType<uint16_t> {
  static constexpr auto value = napi_uint16_array;
};
template <>
struct ElementType<uint32_t> {
  static constexpr auto value = napi_uint32_array;
};
template <>
struct ElementType<double> {
  static constexpr auto value = napi_float64_array;
};

template <class Element>
struct Elements {
  Element* data;
  size_t count;

  Elements(napi_env env, napi_value value, size_t least) {
    const TypedArray array = typedArray(env, value);
    if (array.type != ElementType<Element>::value) throw std::runtime_error("an array of another type");
    if (array.elements < least) throw std::runtime_error("an array too small");
    data = static_cast<Element*>(array.data);
    count = array.elements;
  }
};

template <class Element>
std::vector<Element> table(napi_env env, napi_value tables, const char* name, size_t least = unitCount) {
  const Elements<Element> elements(env, property(env, tables, name), least);
  return {elements.data, elements.data + elements.count};
}

template <class Number>
Number number(napi_env env, napi_value tables, const char* name) {
  double value = 0;
  decode(env, property(env, tables, name), value);
  return static_cast<Number>(value);
}

/** All that reads texts for one worker. */
struct Reader {
  TextScanner scanner;
  WordReader words;
  TrigramReader trigrams;
  NgramReader ngrams;
  NumberBits numbers;
};

WordReader::Tables wordTables(napi_env env, napi_value tables) {
  WordReader::Tables words{table<uint8_t>(env, tables, "kind"), table<uint8_t>(env, tables, "group"),
                           table<uint16_t>(env, tables, "lower"), table<uint32_t>(env, tables, "stop", 256),
                           table<uint32_t>(env, tables, "usual", 256), number<uint32_t>(env, tables, "stopFactor")};
  for (size_t unit = 0; unit < unitCount; unit++)
    if (words.kind[unit] > 8 || words.group[unit] > 3) throw std::runtime_error("a kind of unit that is none");
  return words;
}

TrigramReader trigramTables(napi_env env, napi_value tables) {
  const auto symbols = number<size_t>(env, tables, "symbols");
  return {table<uint8_t>(env, tables, "codes"), table<uint8_t>(env, tables, "unlikely", symbols * symbols * symbols),
          symbols};
}

NumberBits numberBits(napi_env env, napi_value bits) {
  const auto bit = [&](const char* name) { return number<uint32_t>(env, bits, name); };
  return {bit("long"), bit("local"), bit("solid"), bit("dotted"), bit("plate"), bit("noteMarks"), bit("torn")};
}

/** open(tables): a reader. */
napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<1> arguments(env, info);
    const napi_value tables = arguments.values[0];
    const auto sign = [&](const char* name) { return number<uint32_t>(env, tables, name); };
    return externalOf(
        env, std::make_unique<Reader>(Reader{
                 TextScanner(table<uint32_t>(env, tables, "signs"), table<uint8_t>(env, tables, "lineUnits"),
                             number<double>(env, tables, "fewPolish"),
                             {sign("untidy"), sign("looseMark"), sign("looseQuote"), sign("spacedLetter"),
                              sign("gluedHeading")}),
                 WordReader(wordTables(env, tables)),
                 trigramTables(env, tables),
                 {},
                 numberBits(env, property(env, tables, "numbers")),
             }));
  });
}

/** Units of a text as units.ts lays them out, from the text's first one on. */
Unit* unitsOf(napi_env env, napi_value value, size_t length) {
  return Elements<Unit>(env, value, length + 2 * margin).data + margin;
}

size_t lengthOf(napi_env env, napi_value value) {
  int64_t length = 0;
  decode(env, value, length);
  if (length < 0 || length > int64_t{1} << 30) throw std::runtime_error("a length no text has");
  return length;
}

napi_value numberOf(napi_env env, uint32_t number) {
  napi_value value;
  check(env, napi_create_uint32(env, number, &value));
  return value;
}

/**
 * scan(reader, units, length, starts, lineSigns, found): fills `found` with the bits of `SIGN`, the bytes in UTF-8 and how
 * many lines there are, of which as many as there is room for are written.
 */
napi_value scan(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<6> arguments(env, info);
    const auto* reader = externalValue<Reader>(env, arguments.values[0]);
    const size_t length = lengthOf(env, arguments.values[2]);
    const Unit* text = unitsOf(env, arguments.values[1], length);
    const Elements<uint32_t> starts(env, arguments.values[3], 0);
    const Elements<uint8_t> lineSigns(env, arguments.values[4], starts.count);
    const Elements<double> found(env, arguments.values[5], 3);
    const auto scan = reader->scanner.read(text, length, starts.data, lineSigns.data, starts.count);
    found.data[0] = scan.signs;
    found.data[1] = scan.bytes;
    found.data[2] = scan.lines;
    return arguments.values[5];
  });
}

/** numbers(reader, units, length): the bits of `NUMBER`. */
napi_value numbers(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> arguments(env, info);
    const auto* reader = externalValue<Reader>(env, arguments.values[0]);
    const size_t length = lengthOf(env, arguments.values[2]);
    return numberOf(env, readNumbers(unitsOf(env, arguments.values[1], length), length, reader->numbers));
  });
}

/** hasNotice(units, length) */
napi_value notice(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> arguments(env, info);
    const size_t length = lengthOf(env, arguments.values[1]);
    napi_value found;
    check(env, napi_get_boolean(env, hasNotice(unitsOf(env, arguments.values[0], length), length), &found));
    return found;
  });
}

/** closeGaps(units, length): the length the text has then. */
napi_value gaps(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> arguments(env, info);
    const size_t length = lengthOf(env, arguments.values[1]);
    return numberOf(env, closeGaps(unitsOf(env, arguments.values[0], length), length));
  });
}

/**
 * leadingText(line, units, found): whether it was read; the text stands in `units` behind their margin, `found` gets its
 * length and where it ends in the line.
 */
napi_value leadingText(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> arguments(env, info);
    const Elements<uint8_t> line(env, arguments.values[0], 0);
    Unit* text = unitsOf(env, arguments.values[1], line.count);
    const Elements<uint32_t> found(env, arguments.values[2], 2);
    size_t length = 0;
    const size_t end = readLeadingText(line.data, line.count, text, length);
    found.data[0] = length;
    found.data[1] = end;
    napi_value isRead;
    check(env, napi_get_boolean(env, end > 0, &isRead));
    return isRead;
  });
}

/** json(units, length, bytes, at): how many bytes were written. */
napi_value json(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<4> arguments(env, info);
    const size_t length = lengthOf(env, arguments.values[1]), at = lengthOf(env, arguments.values[3]);
    const Unit* text = unitsOf(env, arguments.values[0], length);
    const Elements<uint8_t> bytes(env, arguments.values[2], at + jsonBytes(length));
    return numberOf(env, writeJson(text, length, bytes.data + at));
  });
}

/** words(reader, units, length, hashes, lengths, counts) */
napi_value words(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<6> arguments(env, info);
    const auto* reader = externalValue<Reader>(env, arguments.values[0]);
    const size_t length = lengthOf(env, arguments.values[2]);
    const Unit* text = unitsOf(env, arguments.values[1], length);
    const size_t most = (length + 1) / 2;
    const Elements<uint32_t> hashes(env, arguments.values[3], most);
    const Elements<uint16_t> lengths(env, arguments.values[4], most);
    const Elements<uint32_t> counts(env, arguments.values[5], WordReader::counts);
    reader->words.read(text, length, hashes.data, lengths.data, counts.data);
    return arguments.values[5];
  });
}

/** trigrams(reader, units, start, end, share): adds to the two figures of `share`. */
napi_value trigrams(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<5> arguments(env, info);
    const auto* reader = externalValue<Reader>(env, arguments.values[0]);
    const size_t start = lengthOf(env, arguments.values[2]), end = lengthOf(env, arguments.values[3]);
    if (start > end) throw std::runtime_error("an end before the start");
    const Unit* text = unitsOf(env, arguments.values[1], end);
    const Elements<uint32_t> share(env, arguments.values[4], 2);
    TrigramReader::Share read{share.data[0], share.data[1]};
    reader->trigrams.read(text + start, end - start, read);
    share.data[0] = read.unlikely;
    share.data[1] = read.all;
    return arguments.values[4];
  });
}

/** The words of a text, as the arguments from the second one on give them: hashes, lengths, their number. */
struct WordList {
  size_t count;
  const uint32_t* hashes;
  const uint16_t* lengths;

  WordList(napi_env env, const napi_value* values)
      : count(lengthOf(env, values[3])),
        hashes(Elements<uint32_t>(env, values[1], count).data),
        lengths(Elements<uint16_t>(env, values[2], count).data) {}
};

/** ngramBounds(reader, hashes, lengths, words, top, repeated) */
napi_value ngramBounds(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<6> arguments(env, info);
    auto* reader = externalValue<Reader>(env, arguments.values[0]);
    const WordList words(env, arguments.values);
    const Elements<double> top(env, arguments.values[4], NgramReader::longestTop + 1);
    const Elements<double> repeated(env, arguments.values[5], NgramReader::longestRepeated + 1);
    reader->ngrams.readBounds(words.hashes, words.lengths, words.count, top.data, repeated.data);
    return arguments.values[5];
  });
}

/** A count of characters in n-grams: (reader, hashes, lengths, words, n). */
template <double (NgramReader::*count)(const uint32_t*, const uint16_t*, size_t, size_t)>
napi_value ngramCharacters(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<5> arguments(env, info);
    auto* reader = externalValue<Reader>(env, arguments.values[0]);
    const WordList words(env, arguments.values);
    const size_t n = lengthOf(env, arguments.values[4]);
    if (n == 0) throw std::runtime_error("n-grams of no word");
    napi_value value;
    check(env, napi_create_double(env, (reader->ngrams.*count)(words.hashes, words.lengths, words.count, n), &value));
    return value;
  });
}

napi_value initialize(napi_env env, napi_value exports) {
  return guarded(env, [&] {
    defineFunction(env, exports, "open", open);
    defineFunction(env, exports, "scan", scan);
    defineFunction(env, exports, "words", words);
    defineFunction(env, exports, "trigrams", trigrams);
    defineFunction(env, exports, "ngramBounds", ngramBounds);
    defineFunction(env, exports, "topNgram", ngramCharacters<&NgramReader::top>);
    defineFunction(env, exports, "repeatedNgrams", ngramCharacters<&NgramReader::repeated>);
    defineFunction(env, exports, "numbers", numbers);
    defineFunction(env, exports, "hasNotice", notice);
    defineFunction(env, exports, "closeGaps", gaps);
    defineFunction(env, exports, "leadingText", leadingText);
    defineFunction(env, exports, "json", json);
    return exports;
  });
}

}  // namespace
}  // namespace apt3

NAPI_MODULE_INIT() { return apt3::initialize(env, exports); }
