// For schema_validation_test: of each line of stdin, a schema, random texts that its grammar
// allows, a line of JSON: {"texts": [...]}, or {"code": "...", "error": "..."}.
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/json/json_writer.h"
#include "engine/grammar/grammar_texts.h"
#include "engine/grammar/json/schema_grammar.h"

int main() {
  constexpr uint64_t kTexts = 12;
  std::string schema;
  while (std::getline(std::cin, schema)) {
    lluda::base::JsonWriter json;
    json.BeginObject();
    const auto grammar = lluda::grammar::JsonSchemaGrammar(schema);
    if (grammar.ok()) {
      std::vector<std::string> texts;
      for (uint64_t seed = 0; seed < kTexts; ++seed) {
        const auto text = lluda::grammar::RandomText(**grammar, seed, 8 + 6 * seed);
        if (text.has_value()) texts.push_back(*text);
      }
      json.Key("texts").Strings(texts);
    } else {
      json.Key("code").String(absl::StatusCodeToString(grammar.status().code()));
      json.Key("error").String(grammar.status().message());
    }
    std::cout << json.EndObject().text() << "\n";
  }
  return 0;
}
