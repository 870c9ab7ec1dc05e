// A bundle computes what the model compiled in this process computes, to the bit.
#include "engine/compile/compile_bundle.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files/test_files.h"
#include "bundle/test_bundle.h"
#include "codegen/llvm/target.h"
#include "engine/session.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using base::TemporaryFolder;
using testing::EndsWith;
using testing::HasSubstr;

LoadOptions Options(const std::string& folder) {
  LoadOptions options;
  options.folder = folder;
  options.threads = 1;
  options.need_tokenizer = false;
  return options;
}

std::vector<float> Logits(Model* model, const std::vector<int32_t>& tokens) {
  auto session = Session::Create(model, {});
  EXPECT_TRUE(session.ok()) << session.status();
  const auto logits = (*session)->Evaluate(tokens);
  EXPECT_TRUE(logits.ok()) << logits.status();
  return {logits->begin(), logits->end()};
}

// "attn[3].qkv matmul_bf16_...", call by call.
std::vector<std::string> StepNames(Model* model) {
  const runtime::Program& program = model->executable()->program();
  std::vector<std::string> names;
  for (const runtime::Call& call : program.entry("step").calls) {
    names.push_back(ToString(call.site) + " " + program.kernels[call.kernel].name);
  }
  return names;
}

class CompileBundleTest : public testing::Test {
 protected:
  std::string Compile(const LoadOptions& options) {
    const std::string path = folder_.PathOf("model.llb");
    const absl::Status status = CompileBundle(options, {path});
    EXPECT_TRUE(status.ok()) << status;
    return path;
  }

  const TemporaryFolder folder_;
};

TEST_F(CompileBundleTest, GivesTheBitsOfTheModelItWasMadeFrom) {
  const std::vector<int32_t> tokens = {1, 5, 2, 8, 13, 21, 3, 9, 27, 4, 11, 6, 30, 7};
  const std::pair<Precision, KvCache> kinds[] = {{Precision::kBF16, KvCache::kPrecision},
                                                 {Precision::kBF16, KvCache::kInt8},
                                                 {Precision::kF32, KvCache::kPrecision}};
  for (const auto& [precision, kv_cache] : kinds) {
    for (const codegen::Isa isa : codegen::AllIsas()) {
      LoadOptions options = Options("reference_data/tiny");
      options.module.precision = precision;
      options.module.kv_cache = kv_cache;
      options.isa = std::string(codegen::IsaName(isa));
      if (!codegen::Target::Named(options.isa).ok()) continue;
      const auto compiled = Model::Load(options);
      ASSERT_TRUE(compiled.ok()) << compiled.status();
      LoadOptions from_file = options;
      from_file.folder = Compile(options);
      const auto opened = Model::Load(from_file);
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_EQ(Logits(opened->get(), tokens), Logits(compiled->get(), tokens)) << options.isa;
      EXPECT_EQ(StepNames(opened->get()), StepNames(compiled->get())) << options.isa;
    }
  }
}

// Sessions take a bundle of either kind: one that was compiled without pages is as good as it was.
TEST_F(CompileBundleTest, GivesTheSameBitsWithPagesAsWithout) {
  LoadOptions options = Options("reference_data/stories");
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < 150; ++i) tokens.push_back(5 + i * 7 % 500);  // over two pages' ends
  std::vector<std::vector<float>> logits;
  for (const bool pages : {false, true}) {
    options.module.pages = pages;
    LoadOptions from_file = options;
    from_file.folder = Compile(options);
    const auto opened = Model::OpenBundle(from_file);
    ASSERT_TRUE(opened.ok()) << opened.status();
    const runtime::Program& program = (*opened)->executable()->program();
    EXPECT_EQ(program.entry("step").inputs.back().name, pages ? "table" : "rows");
    logits.push_back(Logits(opened->get(), tokens));
  }
  EXPECT_EQ(logits[0], logits[1]);
}

TEST_F(CompileBundleTest, KeepsTokenizerAndDefaults) {
  LoadOptions options = Options("reference_data/stories");
  const auto compiled = Model::Load(options);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  options.folder = Compile(options);
  options.check_weights = true;
  const auto opened = Model::OpenBundle(options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string text = "Lily's dog said: \"Hello, wörld!\"\n  <|im_end|>";
  const std::vector<int32_t> ids = (*compiled)->tokenizer()->Encode(text);
  EXPECT_EQ((*opened)->tokenizer()->Encode(text), ids);
  EXPECT_EQ((*opened)->tokenizer()->Decode(ids), (*compiled)->tokenizer()->Decode(ids));
  EXPECT_EQ((*opened)->StopTokens(), (*compiled)->StopTokens());
  EXPECT_EQ((*opened)->DefaultSampler().temperature, (*compiled)->DefaultSampler().temperature);
  EXPECT_EQ((*opened)->DefaultSampler().top_k, (*compiled)->DefaultSampler().top_k);
  EXPECT_EQ((*opened)->context(), (*compiled)->context());
  EXPECT_EQ((*opened)->max_step(), (*compiled)->max_step());
  EXPECT_EQ((*opened)->stats().weight_bytes, (*compiled)->stats().weight_bytes);
  EXPECT_EQ(Logits(opened->get(), ids), Logits(compiled->get(), ids));
}

TEST_F(CompileBundleTest, RefusesOptionsThatABundleDoesNotFit) {
  LoadOptions options = Options("reference_data/tiny");
  options.module.context = 40;
  options.isa = "generic";
  const LoadOptions good = [&] {
    LoadOptions from_file = options;
    from_file.folder = Compile(options);
    return from_file;
  }();
  const auto error = [](const LoadOptions& bad) {
    const auto model = Model::Load(bad);
    return model.ok() ? "accepted" : std::string(model.status().message());
  };
  LoadOptions bad = good;
  bad.module.context = 41;
  EXPECT_EQ(error(bad), good.folder + ": is compiled for a context of 40 tokens, not 41");
  bad = good;
  bad.module.precision = Precision::kF32;
  EXPECT_EQ(error(bad), good.folder + ": is compiled for precision bf16, not f32");
  bad = good;
  bad.module.kv_cache = KvCache::kInt8;
  EXPECT_EQ(error(bad), good.folder + ": is compiled for a KV cache of bf16, not int8");
  bad = good;
  bad.isa = "avx2";
  EXPECT_EQ(error(bad), good.folder + ": is compiled for generic, not avx2");
  bundle::EditHeader(good.folder, [](bundle::Header* header) {
    auto* sound = header->mutable_model()->mutable_sound();
    sound->set_sample_rate(16000);
    sound->set_frame_samples(400);
    sound->set_frame_step(160);
  });
  EXPECT_EQ(error(good), "accepted");
  bundle::EditHeader(good.folder, [](bundle::Header* header) {
    header->mutable_model()->mutable_sound()->set_frame_step(320);
  });
  EXPECT_EQ(error(good),
            good.folder +
                ": hears sounds of 16000 Hz in frames of 400 samples every 320, not of "
                "16000, 400 and 160");
  bundle::EditHeader(good.folder,
                     [](bundle::Header* header) { header->mutable_model()->clear_sound(); });
  bad = good;
  bad.module.record_activations = true;
  EXPECT_EQ(error(bad), good.folder + ": a bundle records no activations");
  bad = good;
  bad.ir = ModuleText{"dump.lluda", ""};
  EXPECT_EQ(error(bad), good.folder + ": a bundle runs the module it was compiled from, no other");
  for (bool LoadOptions::* told : {&LoadOptions::perf, &LoadOptions::gdb}) {
    bad = good;
    bad.*told = true;
    EXPECT_THAT(error(bad), HasSubstr("perf and GDB are told of kernels that are compiled now"));
  }
  bad = good;
  bad.need_tokenizer = true;
  EXPECT_EQ(error(bad), good.folder + ": has no tokenizer");
  bad = good;
  bad.module.context = 10;
  const auto shorter = Model::Load(bad);
  ASSERT_TRUE(shorter.ok()) << shorter.status();
  EXPECT_EQ((*shorter)->context(), 10);
  EXPECT_EQ((*shorter)->max_step(), 10);
}

TEST_F(CompileBundleTest, DoesNotCompileABundleAgain) {
  LoadOptions options = Options("reference_data/tiny");
  options.folder = Compile(options);
  const absl::Status status = CompileBundle(options, {folder_.PathOf("again.llb")});
  EXPECT_THAT(std::string(status.message()), EndsWith("model.llb: is compiled already"));
  EXPECT_FALSE(std::filesystem::exists(folder_.PathOf("again.llb")));
}

TEST_F(CompileBundleTest, LeavesNoFileBehindWhenItFails) {
  LoadOptions options = Options("reference_data/tiny");
  options.need_tokenizer = true;
  const absl::Status status = CompileBundle(options, {folder_.PathOf("model.llb")});
  EXPECT_THAT(std::string(status.message()), HasSubstr("tokenizer.json"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace lluda::engine
