// Parses a text of JSON with simdjson, and says more of what is wrong with one than simdjson does.
//
//   simdjson::dom::parser parser;
//   simdjson::dom::element root;
//   if (const simdjson::error_code code = ParseJson(text, kMaxDepth, &parser, &root)) {
//     ... WhyInvalid(text, code)   // "there is NaN, which is no number of JSON"
//   }
#ifndef LLUDA_BASE_JSON_PARSE_JSON_H_
#define LLUDA_BASE_JSON_PARSE_JSON_H_

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace lluda::base {

// As parser->parse, but that an integer beyond 64 bits, which JSON allows, is read as the nearest
// double. `root` is valid as long as the parser is and parses nothing else.
simdjson::error_code ParseJson(std::string_view text, size_t max_depth,
                               simdjson::dom::parser* parser, simdjson::dom::element* root);

// Why ParseJson has refused the text, for people.
std::string WhyInvalid(std::string_view text, simdjson::error_code code);

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_PARSE_JSON_H_
