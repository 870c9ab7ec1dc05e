// The default model under constraints: what it writes obeys them, alone and beside other texts.
#include <memory>
#include <string>
#include <vector>

#include "engine/generate/scheduler.h"
#include "engine/grammar/constraint.h"
#include "engine/grammar/grammar_texts.h"
#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/regex_grammar.h"
#include "engine/grammar/token_trie.h"
#include "engine/model.h"
#include "engine/session.h"
#include "engine/stories_model.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

constexpr char kSchema[] = R"({"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 12},
    "age": {"type": "integer", "minimum": 1, "maximum": 120},
    "animal": {"enum": ["dog", "cat", "bird", null]},
    "friends": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z][a-z]{1,6}$"},
                "maxItems": 2}},
    "required": ["name", "age", "friends"], "additionalProperties": false})";
constexpr char kPattern[] = "(The|A) [a-z]{2,8} (is|was) [a-z]{2,8}\\.";
constexpr int64_t kContext = 160;

class ConstrainedGenerationTest : public StoriesTest<kContext> {
 protected:
  static void SetUpTestSuite() {
    ASSERT_NO_FATAL_FAILURE(StoriesTest::SetUpTestSuite());
    trie_ = new std::shared_ptr<const grammar::TokenTrie>(
        grammar::TokenTrie::Create(*model_->tokenizer()));
  }
  static void TearDownTestSuite() {
    delete trie_;
    StoriesTest::TearDownTestSuite();
  }

  static std::shared_ptr<const grammar::Grammar> GrammarOf(int kind) {
    return kind % 2 == 0 ? *grammar::JsonSchemaGrammar(kSchema) : *grammar::RegexGrammar(kPattern);
  }

  static GenerateOptions Options(int kind) {
    GenerateOptions options;
    options.max_new_tokens = 130;
    options.sampler.temperature = kind % 7 == 6 ? 0 : 1;
    options.sampler.seed = static_cast<uint64_t>(kind);
    if (kind % 3 == 1) options.sampler.top_k = 20;
    if (kind % 3 == 2) options.sampler.top_p = 0.9f;
    if (kind % 5 == 4) options.sampler.repetition_penalty = 1.2f;
    options.stop_tokens = model_->StopTokens();
    options.constraint = *grammar::Constraint::Create(GrammarOf(kind), *trie_, {});
    return options;
  }

  static std::vector<int32_t> Prompt() { return model_->tokenizer()->Encode("Once upon a time"); }

  static std::shared_ptr<const grammar::TokenTrie>* trie_;
};

std::shared_ptr<const grammar::TokenTrie>* ConstrainedGenerationTest::trie_ = nullptr;

TEST_F(ConstrainedGenerationTest, EveryTextThatEndsIsOneOfItsGrammar) {
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  int ended = 0;
  for (int kind = 0; kind < 42; ++kind) {
    const auto result = (*session)->Generate(Prompt(), Options(kind));
    ASSERT_TRUE(result.ok()) << kind << ": " << result.status();
    if (result->finish == FinishReason::kStop) {
      ++ended;
      EXPECT_TRUE(grammar::Accepts(*GrammarOf(kind), result->text)) << kind << ": " << result->text;
      EXPECT_TRUE(result->stop_token.has_value());
    } else {
      EXPECT_TRUE(grammar::AcceptsBeginning(*GrammarOf(kind), result->text)) << result->text;
    }
  }
  EXPECT_GT(ended, 35);
}

TEST_F(ConstrainedGenerationTest, WithoutStopTokensATextEndsWhereNothingCanFollow) {
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  GenerateOptions options = Options(1);
  options.stop_tokens.clear();
  const auto result = (*session)->Generate(Prompt(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kStop);
  EXPECT_FALSE(result->stop_token.has_value());
  EXPECT_TRUE(grammar::Accepts(*GrammarOf(1), result->text)) << result->text;
}

TEST_F(ConstrainedGenerationTest, TextsAreTheSameBesideOthersAndAgain) {
  constexpr int kSequences = 9;
  auto scheduler = Scheduler::Create(model_->executable(), {4, kContext, 16});
  ASSERT_TRUE(scheduler.ok()) << scheduler.status();
  std::vector<std::unique_ptr<Sequence>> sequences;
  for (int kind = 0; kind < kSequences; ++kind) {
    auto sequence = Sequence::Create({model_->tokenizer(), (*scheduler)->vocabulary(), kContext},
                                     Prompt(), Options(kind));
    ASSERT_TRUE(sequence.ok()) << sequence.status();
    sequences.push_back(*std::move(sequence));
    (*scheduler)->Add(sequences.back().get());
  }
  while (true) {
    const auto more = (*scheduler)->Step();
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) break;
  }
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  for (int kind = 0; kind < kSequences; ++kind) {
    const auto alone = (*session)->Generate(Prompt(), Options(kind));
    const auto beside = sequences[static_cast<size_t>(kind)]->TakeResult();
    ASSERT_TRUE(alone.ok() && beside.ok());
    EXPECT_EQ(alone->tokens, beside->tokens) << kind;
  }
}

TEST_F(ConstrainedGenerationTest, TokensWithoutAChoiceAreTheSameInFewerSteps) {
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  int64_t saved = 0;
  for (int kind = 0; kind < 6; ++kind) {
    for (const int64_t most : {20, 1000}) {  // the last one fills the context
      GenerateOptions options = Options(kind);
      options.max_new_tokens = most;
      const auto jumping = (*session)->Generate(Prompt(), options);
      ASSERT_TRUE(jumping.ok()) << kind << ": " << jumping.status();
      options.step_by_step = true;
      const auto stepping = (*session)->Generate(Prompt(), options);
      ASSERT_TRUE(stepping.ok()) << kind << ": " << stepping.status();
      EXPECT_EQ(jumping->tokens, stepping->tokens) << kind;
      EXPECT_EQ(jumping->text, stepping->text) << kind;
      EXPECT_EQ(jumping->finish, stepping->finish) << kind;
      EXPECT_LE(jumping->decode_steps, stepping->decode_steps) << kind;
      saved += stepping->decode_steps - jumping->decode_steps;
    }
  }
  EXPECT_GT(saved, 20);
}

// Else they would hold up the texts beside this one.
TEST_F(ConstrainedGenerationTest, TokensWithoutAChoiceThatAreDearToFindAreSpreadOverSteps) {
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  GenerateOptions options = Options(0);
  // In the second text each character may be one of thousands.
  for (const absl::string_view pattern : {"\\x01{60}", "(\\x01?){3000}\\x01{60}"}) {
    const auto made = grammar::RegexGrammar(pattern);
    ASSERT_TRUE(made.ok()) << made.status();
    options.constraint = *grammar::Constraint::Create(*made, *trie_, {});
    options.max_new_tokens = 50;
    const auto result = (*session)->Generate(Prompt(), options);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->text, std::string(50, '\x01'));
    if (pattern.size() < 10) {
      EXPECT_LE(result->decode_steps, 1);
    } else {
      EXPECT_GT(result->decode_steps, 3);
    }
  }
}

TEST_F(ConstrainedGenerationTest, AGrammarThatAsksForTooMuchEndsTheTextWithAnError) {
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  GenerateOptions options = Options(0);
  options.constraint =
      *grammar::Constraint::Create(*grammar::RegexGrammar("(.{0,60}){60}"), *trie_, {});
  const auto result = (*session)->Generate(Prompt(), options);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted) << result.status();
}

TEST_F(ConstrainedGenerationTest, AStopStringCutsNoCall) {
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  // Any two tokens will do.
  constexpr int32_t kBegin = 300, kEnd = 301;
  grammar::ConstraintOptions calls;
  calls.call_begin = kBegin;
  calls.call_end = kEnd;
  calls.call_required = calls.one_call = true;
  GenerateOptions options = Options(0);
  options.constraint =
      *grammar::Constraint::Create(*grammar::RegexGrammar("ab stop cd"), *trie_, calls);
  options.stop_strings = {" stop ", "cd", std::string(model_->tokenizer()->TokenBytes(kBegin)),
                          std::string(model_->tokenizer()->TokenBytes(kEnd))};
  for (const bool step_by_step : {false, true}) {
    options.step_by_step = step_by_step;
    const auto result = (*session)->Generate(Prompt(), options);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_NE(result->text.find("ab stop cd"), std::string::npos) << result->text;
    EXPECT_EQ(result->tokens.back(), kEnd);
    EXPECT_TRUE(result->stop_token.has_value());
  }
}

TEST_F(ConstrainedGenerationTest, AConstraintOfALargerVocabularyIsRefused) {
  GenerateOptions options = Options(0);
  const std::vector<std::string> bytes(1 << 17, "a");
  options.constraint =
      *grammar::Constraint::Create(GrammarOf(0), grammar::TokenTrie::Create(bytes), {});
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  const auto result = (*session)->Generate(Prompt(), options);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lluda::engine
