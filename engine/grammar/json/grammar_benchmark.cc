// What a constraint costs: compiling schemas, and tokens of Qwen3's vocabulary. Run in the
// repository's root with reference_data/qwen3_tokenizer/tokenizer.json unpacked:
//
//   bazel run -c opt //engine/grammar/json:grammar_benchmark
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/matcher.h"
#include "engine/grammar/regex_grammar.h"
#include "engine/grammar/token_trie.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::grammar {
namespace {

// The shapes of the examples that structured outputs are documented with.
constexpr const char* kSchemas[] = {
    R"({"type": "object", "properties": {"steps": {"type": "array", "items": {"type": "object",
        "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
        "required": ["explanation", "output"], "additionalProperties": false}},
        "final_answer": {"type": "string"}}, "required": ["steps", "final_answer"],
        "additionalProperties": false})",
    R"({"type": "object", "properties": {"type": {"type": "string", "enum": ["div", "button",
        "header", "section", "field", "form"]}, "label": {"type": "string"}, "children":
        {"type": "array", "items": {"$ref": "#"}}, "attributes": {"type": "array", "items":
        {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
        "additionalProperties": false, "required": ["name", "value"]}}}, "required": ["type",
        "label", "children", "attributes"], "additionalProperties": false})",
    R"({"type": "object", "properties": {"name": {"type": "string"}, "username": {"type": "string",
        "pattern": "^[a-zA-Z0-9_]+$"}, "email": {"type": "string", "format": "email"}, "born":
        {"type": "string", "format": "date-time"}, "age": {"type": "integer", "minimum": 0,
        "maximum": 150}, "bio": {"type": "string", "maxLength": 500}}, "required": ["name",
        "username", "email"], "additionalProperties": false})",
};

std::shared_ptr<const TokenTrie> Trie() {
  static const auto* const trie = new std::shared_ptr<const TokenTrie>(
      TokenTrie::Create(*tokenizer::Tokenizer::Load("reference_data/qwen3_tokenizer")));
  return *trie;
}

void Advance(Matcher* matcher, absl::string_view text) {
  // Byte by byte: the first 256 tokens of the vocabulary are single bytes, in an order of its own.
  for (const char byte : text) {
    for (int32_t token = 0; token < 256; ++token) {
      if (Trie()->bytes(token) == absl::string_view(&byte, 1)) matcher->Advance(token);
    }
  }
}

void BM_CompileSchema(benchmark::State& state) {
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(JsonSchemaGrammar(kSchemas[state.range(0)]).ok());
  }
}
BENCHMARK(BM_CompileSchema)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

void BM_MakeTrie(benchmark::State& state) {
  const auto tokenizer = tokenizer::Tokenizer::Load("reference_data/qwen3_tokenizer");
  while (state.KeepRunning()) benchmark::DoNotOptimize(TokenTrie::Create(*tokenizer));
}
BENCHMARK(BM_MakeTrie)->Unit(benchmark::kMillisecond);

// Inside a string: most tokens are allowed.
void BM_AllowsInString(benchmark::State& state) {
  Matcher matcher(*JsonSchemaGrammar(kSchemas[0]), Trie());
  Advance(&matcher, R"({"steps":[{"explanation":"we)");
  int32_t token = 0;
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(matcher.Allows(token));
    token = (token + 7919) % Trie()->size();
  }
}
BENCHMARK(BM_AllowsInString);

// The mask when the string's places have not been seen before, and when only the callers are new.
void BM_FirstMaskInString(benchmark::State& state) {
  const auto grammar = *JsonSchemaGrammar(kSchemas[0]);
  while (state.KeepRunning()) {
    Matcher matcher(grammar, Trie());
    Advance(&matcher, R"({"steps":[{"explanation":"we)");
    benchmark::DoNotOptimize(matcher.Mask());
  }
}
BENCHMARK(BM_FirstMaskInString)->Unit(benchmark::kMicrosecond);

void BM_NextMaskInString(benchmark::State& state) {
  Matcher matcher(*JsonSchemaGrammar(kSchemas[0]), Trie());
  Advance(&matcher, R"({"steps":[{"explanation":")");
  matcher.Mask();
  Matcher at_start = matcher;
  while (state.KeepRunning()) {
    state.PauseTiming();
    Matcher next = at_start;
    Advance(&next, R"(","output":")");
    state.ResumeTiming();
    benchmark::DoNotOptimize(next.Mask());
  }
}
BENCHMARK(BM_NextMaskInString)->Unit(benchmark::kMicrosecond);

// A string whose characters are counted: a state for each.
void BM_MaskInCountedString(benchmark::State& state) {
  const auto grammar = *JsonSchemaGrammar(R"({"type": "string", "maxLength": 500})");
  Matcher matcher(grammar, Trie());
  Advance(&matcher, "\"");
  while (state.KeepRunning()) {
    Advance(&matcher, "a");
    benchmark::DoNotOptimize(matcher.Mask());
    if (!matcher.Allows(64)) {
      matcher.Restart();
      Advance(&matcher, "\"");
    }
  }
}
BENCHMARK(BM_MaskInCountedString)->Unit(benchmark::kMicrosecond);

void BM_MaskBeforeKey(benchmark::State& state) {
  const auto grammar = *JsonSchemaGrammar(kSchemas[0]);
  while (state.KeepRunning()) {
    Matcher matcher(grammar, Trie());
    Advance(&matcher, "{");
    benchmark::DoNotOptimize(matcher.Mask());
  }
}
BENCHMARK(BM_MaskBeforeKey)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lluda::grammar
