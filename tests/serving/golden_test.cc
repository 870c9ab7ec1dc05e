// The bytes of some answers of the default model, as they have always been. If this test fails and
// the change is meant, raise the revision of what has changed (engine/service/fingerprint.h), so that
// no two services of one fingerprint give different answers, and note the new digests.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "codegen/llvm/target.h"
#include "engine/model.h"
#include "engine/service/listener_log.h"
#include "engine/service/service_thread.h"
#include "engine/stories_model.h"

namespace lluda::engine {
namespace {

struct GoldenRequest {
  const char* prompt;
  float temperature;
  int64_t top_k;
  float top_p, min_p, repetition, presence, frequency;
  const char* stop;
  int64_t choices;
};

constexpr GoldenRequest kRequests[] = {
    {"Once upon a time", 0, 0, 1, 0, 1, 0, 0, "", 1},
    {"Once upon a time", 1, 0, 1, 0, 1, 0, 0, "", 2},
    {"The fox", 0.7f, 40, 1, 0, 1, 0, 0, ".", 1},
    {"Lily went to the park with her mom. She saw", 1.3f, 0, 0.9f, 0, 1.2f, 0, 0, "", 1},
    {"Tom and his dog", 1, 0, 1, 0.1f, 1, 0.5f, 0.5f, "dog", 3},
};

// Of each instruction set whose bits are the same on every processor: from AVX-512 on, reciprocals
// begin with an estimate that is the maker's own.
const std::map<std::string, std::string>& Digests() {
  static const auto& digests = *new std::map<std::string, std::string>{
      {"generic", "746679904cb65f8f"},
      {"avx2", "3f390bfc4cf26c2e"},
  };
  return digests;
}

// The bytes of a double, the same on every machine.
std::string BitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return absl::StrCat(absl::Hex(bits, absl::kZeroPad16));
}

// Everything that listeners were told, as a text.
std::string Answers(Model* model) {
  ServiceOptions options;
  options.slots = 4;
  auto service =
      ServiceThread::Create({model->executable(), model->pool(), model->tokenizer()}, options);
  EXPECT_TRUE(service.ok()) << service.status();
  std::vector<std::shared_ptr<ListenerLog>> logs;
  for (const GoldenRequest& golden : kRequests) {
    ServiceRequest request;
    request.prompt = model->tokenizer()->Encode(golden.prompt);
    request.choices = golden.choices;
    request.top_logprobs = 2;
    request.options.max_new_tokens = 40;
    request.options.stop_tokens = model->StopTokens();
    if (golden.stop[0] != '\0') request.options.stop_strings = {golden.stop};
    SamplerOptions& sampler = request.options.sampler;
    sampler.temperature = golden.temperature;
    sampler.top_k = golden.top_k;
    sampler.top_p = golden.top_p;
    sampler.min_p = golden.min_p;
    sampler.repetition_penalty = golden.repetition;
    sampler.presence_penalty = golden.presence;
    sampler.frequency_penalty = golden.frequency;
    sampler.seed = 20;
    logs.push_back(std::make_shared<ListenerLog>(golden.choices));
    EXPECT_TRUE((*service)->Submit(request, logs.back()).ok());
  }
  std::string all;
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i]->WaitForEnd();
    for (int64_t choice = 0; choice < kRequests[i].choices; ++choice) {
      const auto& result = logs[i]->result(choice);
      EXPECT_TRUE(result.ok()) << result.status();
      absl::StrAppend(&all, "request ", i, " choice ", choice, ": ",
                      FinishReasonName(result->finish), "\n");
      for (const ServedToken& token : logs[i]->choice(choice).tokens) {
        absl::StrAppend(&all, token.id, " '", token.text, "' ", BitsOf(token.log_probability));
        for (const TokenChance& likely : token.likeliest) {
          absl::StrAppend(&all, " ", likely.id, " ", BitsOf(likely.log_probability));
        }
        absl::StrAppend(&all, "\n");
      }
      absl::StrAppend(&all, result->text, "\n");
    }
  }
  return all;
}

TEST(GoldenTest, AnswersAreWhatTheyHaveAlwaysBeen) {
  for (const auto& [isa, digest] : Digests()) {
    if (!codegen::Target::Named(isa).ok()) continue;
    for (const bool pages : {false, true}) {
      LoadOptions options = StoriesOptions(128, 512);
      options.isa = isa;
      options.module.pages = pages;
      auto model = Model::Load(options);
      ASSERT_TRUE(model.ok()) << model.status();
      const std::string answers = Answers(model->get());
      EXPECT_EQ(base::HexOf(base::Sha256(answers)).substr(0, 16), digest)
          << isa << (pages ? ", pages" : ", slots") << "\n"
          << answers;
    }
  }
}

}  // namespace
}  // namespace lluda::engine
