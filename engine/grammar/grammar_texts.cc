#include "engine/grammar/grammar_texts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/grammar/state_sets.h"

namespace lluda::grammar {
namespace {

int32_t SetBehind(StateSets* sets, absl::string_view text) {
  int32_t set = sets->Start();
  for (const char byte : text) set = sets->Step(set, static_cast<uint8_t>(byte));
  return set;
}

}  // namespace

bool Accepts(const Grammar& grammar, absl::string_view text) {
  StateSets sets(&grammar);
  return sets.CanEnd(SetBehind(&sets, text));
}

bool AcceptsBeginning(const Grammar& grammar, absl::string_view text) {
  StateSets sets(&grammar);
  return SetBehind(&sets, text) != StateSets::kDead;
}

std::optional<std::string> RandomText(const Grammar& grammar, uint64_t seed, size_t length) {
  base::SplitMix64 random(seed);
  const auto below = [&random](size_t limit) {
    return std::min(static_cast<size_t>(random.NextUnit() * static_cast<double>(limit)), limit - 1);
  };
  StateSets sets(&grammar);
  int32_t set = sets.Start();
  std::string text;
  for (size_t i = 0; i < 50 * length; ++i) {
    if (sets.MustEnd(set)) return text;
    if (sets.CanEnd(set) && (text.size() >= length || below(8) == 0)) return text;
    // One of the classes of bytes, so that a quote is as likely as all letters; towards the end a
    // byte that closes something, if there is one.
    std::vector<std::pair<int, uint8_t>> bytes;
    for (int byte = 0; byte < 256; ++byte) {
      const auto b = static_cast<uint8_t>(byte);
      if (sets.Step(set, b) != StateSets::kDead) bytes.push_back({grammar.byte_class(b), b});
    }
    std::vector<std::pair<int, uint8_t>> closing;
    if (text.size() >= length) {
      for (const auto& byte : bytes) {
        if (absl::string_view("\"]}").find(static_cast<char>(byte.second)) !=
            absl::string_view::npos) {
          closing.push_back(byte);
        }
      }
    }
    std::vector<std::pair<int, uint8_t>>& from = closing.empty() ? bytes : closing;
    const int wanted = from[below(from.size())].first;
    std::vector<uint8_t> same;
    for (const auto& [byte_class, byte] : from) {
      if (byte_class == wanted) same.push_back(byte);
    }
    const uint8_t byte = same[below(same.size())];
    text += static_cast<char>(byte);
    set = sets.Step(set, byte);
  }
  return std::nullopt;
}

}  // namespace lluda::grammar
