#include "engine/grammar/constrained_text.h"

#include <string>
#include <vector>

#include "engine/grammar/regex_grammar.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::grammar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A vocabulary of nine: some of them are no text.
enum Token : int32_t { kA, kB, kAb, kThink, kEndThink, kCall, kEndCall, kStop, kOther };
constexpr int64_t kVocabulary = 9;

ConstrainedText Begin(const char* pattern, const ConstraintOptions& options,
                      std::vector<int32_t> stops = {kStop}) {
  const auto trie = TokenTrie::Create({"a", "b", "ab", "", "", "", "", "", "c"});
  const auto constraint = Constraint::Create(*RegexGrammar(pattern), trie, options);
  EXPECT_TRUE(constraint.ok()) << constraint.status();
  return ConstrainedText(*constraint, stops, kVocabulary);
}

// By Allows, after comparing with the mask and OnlyToken.
std::vector<int32_t> Allowed(ConstrainedText* text) {
  std::vector<int32_t> allowed, masked;
  const absl::Span<const uint64_t> mask = text->Mask();
  for (int32_t token = 0; token < 64 * static_cast<int32_t>(mask.size()); ++token) {
    if (mask[static_cast<size_t>(token) / 64] >> (token % 64) & 1) masked.push_back(token);
  }
  for (int32_t token = 0; token < kVocabulary; ++token) {
    if (text->Allows(token)) allowed.push_back(token);
  }
  EXPECT_EQ(allowed, masked);
  if (text->IsFree()) return allowed;
  EXPECT_EQ(text->OnlyToken().has_value(), allowed.size() == 1);
  return allowed;
}

TEST(ConstrainedTextTest, AtOnceEndsWithAStopToken) {
  ConstrainedText text = Begin("ab?", {});
  EXPECT_FALSE(text.IsFree());
  EXPECT_THAT(Allowed(&text), ElementsAre(kA, kAb));
  text.Advance(kA);
  EXPECT_THAT(Allowed(&text), ElementsAre(kB, kStop));
  text.Advance(kB);
  EXPECT_THAT(Allowed(&text), ElementsAre(kStop));
  EXPECT_EQ(text.OnlyToken(), kStop);
  EXPECT_FALSE(text.IsFinished());
}

TEST(ConstrainedTextTest, ItKnowsWhichTokensAreOfACall) {
  ConstraintOptions options;
  options.call_begin = kCall;
  options.call_end = kEndCall;
  ConstrainedText text = Begin("ab", options);
  std::vector<bool> in_call;
  for (const int32_t token : {kOther, kCall, kAb, kEndCall, kOther}) {
    text.Advance(token);
    in_call.push_back(text.InCall());
  }
  EXPECT_THAT(in_call, ElementsAre(false, true, true, false, false));
  ConstrainedText whole = Begin("ab", {});
  whole.Advance(kA);
  EXPECT_FALSE(whole.InCall());
}

TEST(ConstrainedTextTest, WithoutStopTokensItIsFinishedWhereNothingCanFollow) {
  ConstrainedText text = Begin("ab?", {}, {});
  text.Advance(kA);
  EXPECT_FALSE(text.IsFinished());
  EXPECT_THAT(Allowed(&text), ElementsAre(kB));
  text.Advance(kB);
  EXPECT_TRUE(text.IsFinished());
  ConstrainedText empty = Begin("", {}, {});
  EXPECT_TRUE(empty.IsFinished());
}

TEST(ConstrainedTextTest, AStopTokenIsNoTextEvenIfItsBytesFit) {
  ConstrainedText text = Begin("ab?", {}, {kB, 77, -3});
  EXPECT_THAT(Allowed(&text), ElementsAre(kA, kAb));
  text.Advance(kA);
  // As the end, not as a "b".
  EXPECT_THAT(Allowed(&text), ElementsAre(kB));
  ConstrainedText inside = Begin("abb", {}, {kB});
  inside.Advance(kAb);
  EXPECT_THAT(Allowed(&inside), IsEmpty());
}

TEST(ConstrainedTextTest, AThoughtMayComeFirstAndCannotEndTheText) {
  ConstraintOptions options;
  options.thought_begin = kThink;
  options.thought_end = kEndThink;
  ConstrainedText text = Begin("ab", options);
  EXPECT_THAT(Allowed(&text), ElementsAre(kA, kAb, kThink));
  ConstrainedText without = text;
  text.Advance(kThink);
  EXPECT_FALSE(text.IsFree());
  EXPECT_THAT(Allowed(&text), ElementsAre(kA, kB, kAb, kThink, kEndThink, kCall, kEndCall, kOther));
  text.Advance(kOther);
  text.Advance(kEndThink);
  EXPECT_THAT(Allowed(&text), ElementsAre(kA, kAb));
  without.Advance(kA);
  EXPECT_THAT(Allowed(&without), ElementsAre(kB));

  options.in_thought = true;
  ConstrainedText inside = Begin("ab", options);
  inside.Advance(kA);
  inside.Advance(kEndThink);
  EXPECT_THAT(Allowed(&inside), ElementsAre(kA, kAb));
}

TEST(ConstrainedTextTest, CallsAreConstrainedAndTheTextAroundThemIsFree) {
  ConstraintOptions options;
  options.call_begin = kCall;
  options.call_end = kEndCall;
  ConstrainedText text = Begin("ab?", options);
  for (int call = 0; call < 2; ++call) {
    EXPECT_TRUE(text.IsFree());
    text.Advance(kOther);
    EXPECT_TRUE(text.IsFree());
    text.Advance(kCall);
    EXPECT_THAT(Allowed(&text), ElementsAre(kA, kAb));
    text.Advance(kA);
    EXPECT_THAT(Allowed(&text), ElementsAre(kB, kEndCall));
    text.Advance(kEndCall);
  }
  EXPECT_TRUE(text.IsFree());
}

TEST(ConstrainedTextTest, ACallInAThoughtIsText) {
  ConstraintOptions options;
  options.call_begin = kCall;
  options.call_end = kEndCall;
  options.thought_begin = kThink;
  options.thought_end = kEndThink;
  ConstrainedText text = Begin("a", options);
  text.Advance(kThink);
  text.Advance(kCall);
  EXPECT_TRUE(text.IsFree());
  text.Advance(kEndThink);
  text.Advance(kCall);
  EXPECT_THAT(Allowed(&text), ElementsAre(kA));
}

TEST(ConstrainedTextTest, ARequiredCallComesFirstAndOneCallIsTheLast) {
  ConstraintOptions options;
  options.call_begin = kCall;
  options.call_end = kEndCall;
  options.call_required = true;
  options.one_call = true;
  options.thought_begin = kThink;
  options.thought_end = kEndThink;
  ConstrainedText text = Begin("a", options);
  EXPECT_THAT(Allowed(&text), ElementsAre(kThink, kCall));
  text.Advance(kThink);
  EXPECT_FALSE(text.Allows(kStop));
  text.Advance(kEndThink);
  EXPECT_THAT(Allowed(&text), ElementsAre(kCall));
  text.Advance(kCall);
  text.Advance(kA);
  EXPECT_THAT(Allowed(&text), ElementsAre(kEndCall));
  text.Advance(kEndCall);
  EXPECT_THAT(Allowed(&text), ElementsAre(kStop));
  ConstrainedText unstoppable = Begin("a", options, {});
  for (const int32_t token : {kCall, kA, kEndCall}) unstoppable.Advance(token);
  EXPECT_TRUE(unstoppable.IsFinished());
}

TEST(ConstrainedTextTest, BehindARequiredCallTheTextIsFree) {
  ConstraintOptions options;
  options.call_begin = kCall;
  options.call_end = kEndCall;
  options.call_required = true;
  ConstrainedText text = Begin("a", options);
  EXPECT_THAT(Allowed(&text), ElementsAre(kCall));
  for (const int32_t token : {kCall, kA, kEndCall}) text.Advance(token);
  EXPECT_TRUE(text.IsFree());
}

TEST(ConstraintTest, OptionsThatDoNotGoTogetherAreRefused) {
  const auto code_of = [](const ConstraintOptions& options) {
    return Constraint::Create(*RegexGrammar("a"), TokenTrie::Create({"a"}), options)
        .status()
        .code();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  ConstraintOptions options;
  options.thought_begin = 1;
  EXPECT_EQ(code_of(options), kInvalid);
  options = {};
  options.in_thought = true;
  EXPECT_EQ(code_of(options), kInvalid);
  options = {};
  options.call_end = 1;
  EXPECT_EQ(code_of(options), kInvalid);
  options = {};
  options.one_call = true;
  EXPECT_EQ(code_of(options), kInvalid);
}

}  // namespace
}  // namespace lluda::grammar
