// GGUF files whose matrices are in blocks, as people have them: of several types in one file, and with the
// rows of queries and keys in pairs. Everything stays in blocks, and means what the blocks decode to.
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files/test_files.h"
#include "engine/compile/compile_bundle.h"
#include "engine/model.h"
#include "engine/open_module.h"
#include "engine/source/open_model_source.h"
#include "gtest/gtest.h"
#include "ir/type/dtype.h"
#include "ir/type/layout.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/gguf_copy.h"
#include "tests/support/model_logits.h"
#include "tests/support/real_model.h"
#include "tests/support/seeded_families.h"
#include "tools/verify/verify_model.h"

namespace lluda::tests {
namespace {

using engine::Precision;
using ir::DType;

// As files that end in _K_M: the head is larger, and so are values and `down` of some of the layers.
DType Mixed(absl::string_view name) {
  if (name == "lm_head.weight") return DType::kQ8_0;
  const bool varies = absl::StrContains(name, "v_proj") || absl::StrContains(name, "down_proj");
  for (const char* layer : {"layers.0.", "layers.3."}) {
    if (varies && absl::StrContains(name, layer)) return DType::kQ5_1;
  }
  return DType::kQ4_0;
}

// Every layer has other types than the ones before it.
DType Wild(absl::string_view name) {
  constexpr DType kTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ5_0, DType::kQ4_1, DType::kQ5_1};
  for (size_t layer = 0; layer < std::size(kTypes); ++layer) {
    if (!absl::StrContains(name, absl::StrCat("layers.", layer, "."))) continue;
    const bool next = absl::StrContains(name, "up_proj") || absl::StrContains(name, "k_proj");
    return kTypes[(layer + (next ? 1 : 0)) % std::size(kTypes)];
  }
  return DType::kQ8_0;
}

// The middle layers' MLPs are not quantised.
DType Partial(absl::string_view name) {
  const bool middle = absl::StrContains(name, "layers.2.mlp");
  return middle ? DType::kBF16 : DType::kQ8_0;
}

struct Case {
  std::string name;
  GgufCopy copy;
  MatrixDTypes dtypes;
};

GgufCopy CopyOf(const std::string& architecture, const std::string& family, double rope_base,
                bool paired_rows) {
  for (FamilyCase& c : FamilyCases()) {
    if (c.name == family) return {architecture, std::move(c), rope_base, paired_rows};
  }
  ADD_FAILURE() << "there is no case " << family;
  return {};
}

std::vector<Case> Cases() {
  const GgufCopy llama = CopyOf("llama", "llama2", 20000, /*paired_rows=*/true);
  GgufCopy gemma = CopyOf("gemma2", "gemma2", 10000, /*paired_rows=*/false);
  gemma.family.plain.score_scale = 1 / std::sqrt(16.0);
  gemma.ints["attention.sliding_window"] = 7;
  gemma.floats = {{"attn_logit_softcapping", 1.5}, {"final_logit_softcapping", 5}};
  GgufCopy phi = CopyOf("phi3", "phi3", 10000, /*paired_rows=*/false);
  phi.ints = {{"attention.sliding_window", 13},
              {"rope.dimension_count", 16},
              {"rope.scaling.original_context_length", 4096}};
  return {{"paired", llama, AllOf(DType::kQ4_0)},
          {"mixed", llama, Mixed},
          {"mixed_windows", gemma, Mixed},
          {"wild", llama, Wild},
          {"fused", phi, Mixed},
          {"partial", llama, Partial}};
}

class GgufBlocksTest : public testing::TestWithParam<Case> {
 protected:
  GgufBlocksTest()
      : seeded_(GetParam().copy.family),
        rounded_(Rounded(seeded_.plain(), GetParam().dtypes)),
        prompt_(seeded_.Prompt(40, 11)) {
    const GgufCopy& copy = GetParam().copy;
    blocks_ = folder_.Write("blocks.gguf", GgufBytes(copy, seeded_.plain(), GetParam().dtypes));
    floats_ = folder_.Write("floats.gguf", GgufBytes(copy, rounded_, AllOf(DType::kF32)));
  }

  static std::unique_ptr<engine::Model> Load(const std::string& path, Precision precision) {
    engine::LoadOptions options;
    options.folder = path;
    options.module.precision = precision;
    options.threads = 2;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : nullptr;
  }

  std::vector<float> Logits(const std::string& path, Precision precision) const {
    const std::unique_ptr<engine::Model> model = Load(path, precision);
    return model == nullptr ? std::vector<float>()
                            : Copy(OpenSession(model.get())->Evaluate(prompt_));
  }

  const base::TemporaryFolder folder_;
  const SeededFolder seeded_;
  const PlainDecoder rounded_;
  const std::vector<int32_t> prompt_;
  std::string blocks_, floats_;
};

TEST_P(GgufBlocksTest, LogitsAreThoseOfTheDecodedNumbers) {
  const std::vector<float> found = Logits(blocks_, Precision::kF32);
  EXPECT_LT(RelativeDistance(found, rounded_.Logits(prompt_)), 1e-9);
  EXPECT_TRUE(SameBits(found, Logits(floats_, Precision::kF32)));
  EXPECT_LT(RelativeDistance(Logits(blocks_, Precision::kBF16), rounded_.Logits(prompt_)), 1e-3);
}

TEST_P(GgufBlocksTest, TheImportMeansThemAndCompiledCodeComputesIt) {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const auto model = RealModel::Open(blocks_, precision);
    ASSERT_TRUE(model.ok()) << model.status();
    auto interpreter = (*model)->Interpret((*model)->module(), /*slots=*/1);
    ASSERT_TRUE(interpreter.ok()) << interpreter.status();
    const auto meaning = RunStep(&*interpreter, WholePrompt(prompt_));
    ASSERT_TRUE(meaning.ok()) << meaning.status();
    const auto width = static_cast<size_t>(rounded_.vocabulary);
    const std::vector<float> last(meaning->floats().end() - width, meaning->floats().end());
    EXPECT_LT(Nmse(Logits(blocks_, precision), last), precision == Precision::kF32 ? 1e-10 : 1e-4);
  }
}

// The module as it is compiled.
class GgufBlocksPlanTest : public GgufBlocksTest {
 protected:
  GgufBlocksPlanTest() {
    auto model = RealModel::Open(blocks_, Precision::kBF16);
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
    EXPECT_TRUE(pipeline.ok()) << pipeline.status();
    const auto reports = pipeline->Run(model_->module());
    EXPECT_TRUE(reports.ok()) << reports.status();
  }

  const ir::Module& module() { return *model_->module(); }

 private:
  std::unique_ptr<RealModel> model_;
};

TEST_P(GgufBlocksPlanTest, NothingIsDecodedWhileItIsLoaded) {
  ir::ForEachOp(module().load, [](const ir::Op* op) {
    EXPECT_NE(op->opcode(), ir::Opcode::kDequantize) << ir::PlaceOf(*op);
  });
}

TEST_P(GgufBlocksPlanTest, LoadedMatricesAreAsLargeAsTheFiles) {
  int64_t loaded = 0, stored = 0;
  for (const auto& global : module().globals()) {
    // An embedding that is no head is read where it lies in the file.
    const bool stays = global->name == "embed" && module().FindGlobal("lm_head") != nullptr;
    const bool is_matrix = global->type.axes.size() > 1 && !stays;
    const int64_t copies = global->index ? global->index->count : 1;
    const ir::Type rows{global->type.dtype, global->type.axes, {}};
    if (!is_matrix || global->kind == ir::Global::Kind::kState) continue;
    const int64_t bytes = copies * ir::ByteSize(rows, nullptr);
    (global->kind == ir::Global::Kind::kLoaded ? loaded : stored) += bytes;
  }
  EXPECT_EQ(loaded, stored);
}

std::string NameOf(const testing::TestParamInfo<Case>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(All, GgufBlocksTest, testing::ValuesIn(Cases()), NameOf);
INSTANTIATE_TEST_SUITE_P(All, GgufBlocksPlanTest, testing::ValuesIn(Cases()), NameOf);

// What people have is two or three kinds of layers: kernels are of those, not of the layers.
TEST(GgufBlocksKernelsTest, LayersShareTheKernelsOfTheirKind) {
  const base::TemporaryFolder folder;
  const GgufCopy copy = CopyOf("llama", "llama2", 20000, /*paired_rows=*/true);
  const auto kernels = [&](int64_t layers) {
    FamilyCase family = copy.family;
    family.plain.layers = layers;
    const SeededFolder seeded(family);
    GgufCopy larger = copy;
    larger.family = family;
    engine::LoadOptions options;
    options.folder = folder.Write("model.gguf", GgufBytes(larger, seeded.plain(), Mixed));
    options.need_tokenizer = false;
    const auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? (*model)->executable()->program().kernels.size() : 0;
  };
  EXPECT_EQ(kernels(5), kernels(9));
}

// A layer of each kind stands for all of them, in the model and in a bundle of it.
TEST(GgufBlocksVerifyTest, OneLayerOfEachKindIsVerified) {
  const base::TemporaryFolder folder;
  const GgufCopy copy = CopyOf("llama", "llama2", 20000, /*paired_rows=*/true);
  const SeededFolder seeded(copy.family);
  engine::LoadOptions load;
  load.need_tokenizer = false;
  const auto open = [&load](const std::string& path) {
    auto source = engine::OpenModelSource(path);
    ASSERT_TRUE(source.ok()) << source.status();
    load.source = *std::move(source);
  };
  open(folder.Write("model.gguf", GgufBytes(copy, seeded.plain(), Mixed)));
  tools::VerifyOptions options;
  options.layers = 1;
  auto opened = engine::OpenModule(load.source.get(), load, engine::Weights::kRequired);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto report = tools::VerifyModel(load, *std::move(opened), options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->finding.has_value()) << tools::VerifyText(*report, "");

  const std::string bundle = folder.path() + "/model.llb";
  const absl::Status compiled = engine::CompileBundle(load, {bundle});
  ASSERT_TRUE(compiled.ok()) << compiled;
  open(bundle);
  load.module = *load.source->OptionsFor({});
  const auto of_bundle = tools::VerifyBundledModel(load, options);
  ASSERT_TRUE(of_bundle.ok()) << of_bundle.status();
  EXPECT_FALSE(of_bundle->finding.has_value()) << tools::VerifyText(*of_bundle, "");
}

}  // namespace
}  // namespace lluda::tests
