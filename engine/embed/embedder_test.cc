#include "engine/embed/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files/test_files.h"
#include "engine/compile/compile_bundle.h"
#include "engine/session.h"
#include "frontends/checkpoint/safetensors.h"

namespace lluda::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr char kTiny[] = "reference_data/tiny";

LoadOptions TinyOptions(const std::string& path, StepResult result) {
  LoadOptions options;
  options.folder = path;
  options.threads = 2;
  options.need_tokenizer = false;
  options.module.precision = Precision::kF32;
  options.module.context = 64;
  options.module.result = result;
  return options;
}

// Tokens 1, 14, 27, ... of tiny's vocabulary.
std::vector<int32_t> Text(int count, int first) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back((first + 13 * i) % 512);
  return tokens;
}

class EmbedderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto model = Model::Load(TinyOptions(kTiny, StepResult::kHidden));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = model->release();
  }
  static void TearDownTestSuite() { delete model_; }

  static std::unique_ptr<Embedder> Open(int64_t dimensions = 0) {
    auto embedder = Embedder::Create(model_, {dimensions});
    EXPECT_TRUE(embedder.ok()) << embedder.status();
    return embedder.ok() ? *std::move(embedder) : nullptr;
  }

  static std::vector<std::vector<float>> Embed(const std::vector<std::vector<int32_t>>& texts,
                                               int64_t dimensions = 0) {
    const auto vectors = Open(dimensions)->Embed(texts);
    EXPECT_TRUE(vectors.ok()) << vectors.status();
    return vectors.ok() ? *vectors : std::vector<std::vector<float>>();
  }

  static Model* model_;
};

Model* EmbedderTest::model_ = nullptr;

// What a reference file holds of a prompt.
template <typename T>
std::vector<T> Values(const frontends::SafetensorsFile& file, const std::string& name) {
  const frontends::TensorView* tensor = file.Find(name);
  EXPECT_NE(tensor, nullptr) << name;
  std::vector<T> values(tensor->bytes / sizeof(T));
  std::memcpy(values.data(), tensor->data, tensor->bytes);
  return values;
}

TEST_F(EmbedderTest, AVectorIsTheLastTokensFinalNormDividedByItsLength) {
  const auto file = frontends::SafetensorsFile::Open(absl::StrCat(kTiny, "/reference.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  for (int prompt = 0; prompt < 3; ++prompt) {
    const auto ids = Values<int64_t>(*file, absl::StrCat("p", prompt, ".input_ids"));
    const auto norms = Values<float>(*file, absl::StrCat("p", prompt, ".final_norm"));
    const auto vectors = Embed({{ids.begin(), ids.end()}});
    ASSERT_THAT(vectors, ElementsAre(SizeIs(64)));
    const float* last = norms.data() + norms.size() - 64;
    double squares = 0;
    for (int i = 0; i < 64; ++i) squares += last[i] * last[i];
    for (int i = 0; i < 64; ++i) {
      EXPECT_NEAR(vectors[0][i], last[i] / std::sqrt(squares), 1e-6) << prompt << " " << i;
    }
  }
}

TEST_F(EmbedderTest, AVectorIsTheSameWhateverElseIsEmbedded) {
  std::vector<std::vector<int32_t>> texts;
  for (int i = 0; i < 19; ++i) texts.push_back(Text(1 + 7 * i % 40, i));
  const auto together = Embed(texts);
  ASSERT_THAT(together, SizeIs(19));
  for (const size_t i : {0, 5, 18}) EXPECT_THAT(Embed({texts[i]}), ElementsAre(together[i])) << i;
}

TEST_F(EmbedderTest, FewerDimensionsAreTheFirstOnesOfLengthOne) {
  const auto all = Embed({Text(9, 3)})[0];
  const auto few = Embed({Text(9, 3)}, 4)[0];
  ASSERT_THAT(few, SizeIs(4));
  double squares = 0, ratio = few[0] / all[0];
  for (int i = 0; i < 4; ++i) {
    squares += few[i] * few[i];
    EXPECT_NEAR(few[i], all[i] * ratio, 1e-6);
  }
  EXPECT_NEAR(squares, 1, 1e-6);
  EXPECT_EQ(Embedder::Create(model_, {65}).status(),
            absl::InvalidArgumentError("dimensions is 65, the model's embeddings have 1 to 64"));
}

TEST_F(EmbedderTest, NamesTheTextThatCannotBeEmbedded) {
  const auto embedder = Open();
  const auto error = [&](const std::vector<int32_t>& text) {
    return std::string(embedder->Embed({{1}, text}).status().message());
  };
  EXPECT_EQ(error({}), "text 1 has no tokens");
  EXPECT_EQ(error(Text(65, 0)), "text 1 has 65 tokens, the context holds 64");
  EXPECT_EQ(error({3, 512}), "text 1 has the token 512, the model's vocabulary 512");
  EXPECT_TRUE(embedder->Embed({Text(64, 0)}).ok());
}

TEST_F(EmbedderTest, NeedsAModelThatGivesHiddenStates) {
  const auto model = Model::Load(TinyOptions(kTiny, StepResult::kLogits));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(Embedder::Create(model->get(), {}).status(),
            absl::FailedPreconditionError(
                absl::StrCat(kTiny, ": gives logits; embeddings need a model for hidden states")));
}

TEST_F(EmbedderTest, ABundleForEmbeddingsGivesTheSameVectorsAndNoText) {
  const base::TemporaryFolder folder;
  const std::string path = folder.PathOf("tiny.llb");
  BundleOutputs outputs;
  outputs.bundle = path;
  ASSERT_EQ(CompileBundle(TinyOptions(kTiny, StepResult::kHidden), outputs, nullptr),
            absl::OkStatus());
  LoadOptions options = TinyOptions(path, StepResult::kHidden);
  const auto bundle = Model::Load(options);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  const auto embedder = Embedder::Create(bundle->get(), {});
  ASSERT_TRUE(embedder.ok()) << embedder.status();
  const std::vector<std::vector<int32_t>> texts = {Text(20, 1), Text(3, 2)};
  EXPECT_EQ(*(*embedder)->Embed(texts), Embed(texts));
  EXPECT_EQ(Session::Create(bundle->get(), {}).status(),
            absl::FailedPreconditionError(
                absl::StrCat(path,
                             ": the model gives 64 numbers for a token, no logits of its 512 "
                             "tokens: it makes embeddings, no text")));
}

}  // namespace
}  // namespace lluda::engine
