// Checkpoints as they are found: the same weights, written otherwise, give the same logits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/files/file_cache.h"
#include "base/files/test_files.h"
#include "engine/compile/compile_bundle.h"
#include "engine/model.h"
#include "engine/session.h"
#include "engine/tiny_checkpoint.h"

namespace lluda::engine {
namespace {

using base::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FoundCheckpointTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cache_folder_ = new TemporaryFolder();
    auto cache = base::CodeCache::Open(cache_folder_->path(), base::kDefaultCacheBytes);
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = new base::CodeCache(*std::move(cache));
  }
  static void TearDownTestSuite() {
    delete cache_;
    delete cache_folder_;
  }

  // The folder of a model with these tensors and tiny's config.
  void Write(const Tensors& tensors, size_t shift = 0) {
    folder_.Write("config.json", TinyConfig());
    folder_.Write("model.safetensors", CheckpointBytes(tensors, shift));
  }

  LoadOptions Options(const std::string& path, Precision precision) const {
    LoadOptions options;
    options.folder = path;
    options.threads = 1;
    options.need_tokenizer = false;
    options.code_cache = cache_;  // most of these models have the same kernels
    options.module.context = 64;
    options.module.precision = precision;
    return options;
  }

  // The logits after a few tokens, and the notes.
  std::vector<float> Logits(const std::string& path, Precision precision = Precision::kBF16) {
    const auto model = Model::Load(Options(path, precision));
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return {};
    notes_ = (*model)->notes();
    auto session = Session::Create(model->get(), {});
    EXPECT_TRUE(session.ok()) << session.status();
    const std::vector<int32_t> tokens = {1, 77, 401, 5, 130};
    const auto logits = (*session)->Evaluate(tokens);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return {logits->begin(), logits->end()};
  }

  // Both precisions have to come to what they do with the files as they were.
  void ExpectTinysLogits() {
    for (const Precision precision : {Precision::kBF16, Precision::kF32}) {
      const std::vector<float> expected = Logits("reference_data/tiny", precision);
      EXPECT_THAT(notes_, IsEmpty());
      EXPECT_EQ(Logits(folder_.path(), precision), expected);
    }
  }

  static TemporaryFolder* cache_folder_;
  static base::CodeCache* cache_;
  TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

TemporaryFolder* FoundCheckpointTest::cache_folder_ = nullptr;
base::CodeCache* FoundCheckpointTest::cache_ = nullptr;

TEST_F(FoundCheckpointTest, TensorsAtAnyAddress) {
  for (const size_t shift : {1, 2}) {
    Write(TinyTensors(), shift);
    ExpectTinysLogits();
    EXPECT_THAT(notes_, IsEmpty());
  }
}

TEST_F(FoundCheckpointTest, NamesWithoutTheirPrefix) {
  Tensors bare;
  for (const auto& [name, tensor] : TinyTensors())
    bare[std::string(absl::StripPrefix(name, "model."))] = tensor;
  Write(bare);
  ExpectTinysLogits();
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(FoundCheckpointTest, OneLayerInF32) {
  Tensors tensors = TinyTensors();
  for (auto& [name, tensor] : tensors) {
    if (absl::StrContains(name, "layers.1.")) tensor = Widened(tensor);
  }
  Write(tensors);
  ExpectTinysLogits();
}

TEST_F(FoundCheckpointTest, OneTensorInF32AtAnOddAddress) {
  for (const char* name : {"self_attn.k_norm", "mlp.up_proj", "self_attn.o_proj"}) {
    Tensors tensors = TinyTensors();
    Stored& tensor = tensors[absl::StrCat("model.layers.0.", name, ".weight")];
    tensor = Widened(tensor);
    Write(tensors, 1);
    ExpectTinysLogits();
  }
}

TEST_F(FoundCheckpointTest, ABundleOfMixedLayersHasTheSameLogits) {
  Tensors tensors = TinyTensors();
  for (auto& [name, tensor] : tensors) {
    if (absl::StrContains(name, "layers.0.")) tensor = Widened(tensor);
  }
  tensors["score.weight"] = {"F32", {1}, "1234"};
  Write(tensors, 1);
  const std::string bundle = folder_.PathOf("tiny.llb");
  std::vector<std::string> notes;
  const absl::Status compiled =
      CompileBundle(Options(folder_.path(), Precision::kBF16), {bundle}, &notes);
  ASSERT_TRUE(compiled.ok()) << compiled;
  EXPECT_THAT(notes, ElementsAre(HasSubstr("not used: 'score.weight'")));
  EXPECT_EQ(Logits(bundle), Logits("reference_data/tiny"));
}

TEST_F(FoundCheckpointTest, AHeadOfItsOwnCountsWhateverTheConfigSays) {
  Tensors tensors = TinyTensors();
  const Stored embedding = tensors["model.embed_tokens.weight"];
  tensors["lm_head.weight"] = embedding;
  Write(tensors);
  ExpectTinysLogits();
  EXPECT_THAT(notes_, IsEmpty());
  // Tokens 3 and 4 swap their logits.
  const size_t row = 2 * 64;
  tensors["lm_head.weight"].data.replace(3 * row, row, embedding.data, 4 * row, row);
  tensors["lm_head.weight"].data.replace(4 * row, row, embedding.data, 3 * row, row);
  Write(tensors);
  std::vector<float> expected = Logits("reference_data/tiny");
  std::swap(expected[3], expected[4]);
  EXPECT_EQ(Logits(folder_.path()), expected);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("both are used")));
}

TEST_F(FoundCheckpointTest, NotesNameWhatTheFilesHoldInVain) {
  Tensors tensors = TinyTensors();
  tensors["score.weight"] = {"BF16", {2}, "1234"};
  Write(tensors);
  folder_.Write("generation_config.json", R"({"eta_cutoff": 0.25})");
  Logits(folder_.path());
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("not used: 'score.weight'"),
                                  HasSubstr("'eta_cutoff' asks for 0.25, which is ignored")));
}

}  // namespace
}  // namespace lluda::engine
