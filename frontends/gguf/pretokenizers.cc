#include "frontends/gguf/pretokenizers.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lluda::frontends::gguf {
namespace {

// Contractions in either case, as most expressions begin.
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
// Signs with the line breaks behind them, then white space, as most expressions end.
#define SIGNS_AND_SPACES R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
// Words that begin with capitals, and such that go on with small letters.
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define CASED(contractions)                                                               \
  R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" contractions R"(|[^\r\n\p{L}\p{N}]?)" UPPER \
  "+" LOWER "*" contractions
#define SIGNS_WITH_SLASHES R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

constexpr char kDigit[] = R"(\p{N})";
constexpr char kGpt2[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kQwen2[] = CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" SIGNS_AND_SPACES;
constexpr char kQwen35[] = CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
    R"(\s+(?!\S)|\s+)";
constexpr char kLlama3[] = CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)" SIGNS_AND_SPACES;
constexpr char kTekken[] = CASED("") R"(|\p{N}|)" SIGNS_WITH_SLASHES;
constexpr char kGpt4o[] = CASED(CONTRACTIONS "?") R"(|\p{N}{1,3}|)" SIGNS_WITH_SLASHES;

#undef CONTRACTIONS
#undef SIGNS_AND_SPACES
#undef UPPER
#undef LOWER
#undef CASED
#undef SIGNS_WITH_SLASHES

constexpr PretokenizerRow kRows[] = {
    {"qwen2 deepseek-r1-qwen megrez", {kQwen2}, false, /*nfc=*/true},
    {"qwen35", {kQwen35}, false, /*nfc=*/true},
    {"llama-bpe llama3 llama-v3 falcon3 pixtral lfm2",
     {kLlama3},
     false,
     false,
     /*ignore_merges=*/true,
     /*add_bos=*/true},
    {"smaug-bpe dbrx", {kLlama3}},
    {"tekken", {kTekken}, false, false, /*ignore_merges=*/true, /*add_bos=*/true},
    {"gpt-4o llama4", {kGpt4o}},
    {"smollm starcoder refact command-r", {kDigit}, /*gpt2_last=*/true},
    {"gpt-2 olmo phi-2", {}, /*gpt2_last=*/true},
    {"default", {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
};

}  // namespace

const PretokenizerRow* FindPretokenizer(absl::string_view name) {
  for (const PretokenizerRow& row : kRows) {
    const std::vector<absl::string_view> names = absl::StrSplit(row.names, ' ');
    if (std::find(names.begin(), names.end(), name) != names.end()) return &row;
  }
  return nullptr;
}

std::string PretokenizerNames() {
  std::vector<std::string> names;
  for (const PretokenizerRow& row : kRows) {
    names.push_back(absl::StrJoin(absl::StrSplit(row.names, ' '), ", "));
  }
  return absl::StrJoin(names, ", ");
}

tokenizer::PretokenizerSteps StepsOf(const PretokenizerRow& row) {
  tokenizer::PretokenizerSteps steps;
  for (const char* expression : row.expressions) {
    if (expression != nullptr) steps.push_back(tokenizer::SplitStep{/*is_regex=*/true, expression});
  }
  steps.push_back(tokenizer::ByteLevelStep{/*add_prefix_space=*/false, row.gpt2_last});
  return steps;
}

}  // namespace lluda::frontends::gguf
