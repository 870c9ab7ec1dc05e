// Compiles a small model into a bundle, plants faults in its code, and looks whether they are
// found.
#include "tools/verify/verify_bundle.h"

#include <string>

#include "base/files/test_files.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "bundle/test_bundle.h"
#include "engine/compile/compile_bundle.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/interpreter/interpreter.h"
#include "ir/text/parser.h"
#include "tools/verify/bundle_weights.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kFolder[] = "reference_data/tiny";

std::string Compiled(const engine::ModuleOptions& numbers = {}) {
  engine::LoadOptions options;
  options.folder = kFolder;
  options.module = numbers;
  options.need_tokenizer = false;
  const std::string path = testing::TempDir() + "/tiny.llb";
  const absl::Status status = engine::CompileBundle(options, {path});
  EXPECT_TRUE(status.ok()) << status;
  return path;
}

absl::StatusOr<OptimisedModel> Open(const std::string& path) {
  engine::LoadOptions options;
  ASSIGN_OR_RETURN(options.source, engine::OpenModelSource(path));
  ASSIGN_OR_RETURN(options.module, options.source->OptionsFor({}));
  return OpenOptimised(options, engine::Weights::kOptional);
}

absl::StatusOr<BundleVerdict> Verify(const std::string& path, int64_t layers = 100) {
  ASSIGN_OR_RETURN(OptimisedModel model, Open(path));
  return VerifyBundle(&model, layers, /*tokens=*/13);
}

// Puts other bytes in the place of some that the code has, with the hash that goes with them.
void PatchCode(const std::string& path, const std::string& bytes, const std::string& others) {
  ASSERT_EQ(bytes.size(), others.size());
  bundle::Header header;
  ASSERT_TRUE(header.ParseFromString(bundle::HeaderBytes(path)));
  std::string file = base::ReadAll(path);
  std::string code = file.substr(header.code().offset(), header.code().bytes());
  ASSERT_NE(code.find(bytes), std::string::npos);
  for (size_t at = 0; (at = code.find(bytes, at)) != std::string::npos; at += bytes.size()) {
    code.replace(at, bytes.size(), others);
  }
  base::WriteAll(path, file.replace(header.code().offset(), code.size(), code));
  bundle::EditHeader(path, [&](bundle::Header* edited) {
    const base::Digest digest = base::Sha256(code);
    edited->mutable_code()->set_sha256(digest.data(), digest.size());
  });
}

TEST(VerifyBundleTest, NothingIsFoundWhereNothingIsWrong) {
  const std::pair<engine::Precision, engine::KvCache> all_numbers[] = {
      {engine::Precision::kBF16, engine::KvCache::kPrecision},
      {engine::Precision::kF32, engine::KvCache::kPrecision},
      {engine::Precision::kBF16, engine::KvCache::kInt8}};
  for (const auto& [precision, kv_cache] : all_numbers) {
    engine::ModuleOptions numbers;
    numbers.precision = precision;
    numbers.kv_cache = kv_cache;
    const std::string path = Compiled(numbers);
    for (const int64_t layers : {1, 100}) {
      const auto verdict = Verify(path, layers);
      ASSERT_TRUE(verdict.ok()) << verdict.status();
      EXPECT_FALSE(verdict->finding.has_value()) << FindingText(*verdict->finding);
      EXPECT_GT(verdict->kernels, 10);
    }
  }
}

TEST(VerifyBundleTest, KernelsThatWereSwappedAreFoundAndNamed) {
  const std::string path = Compiled();
  bundle::EditHeader(path, [&](bundle::Header* header) {
    bundle::Kernel *cos = nullptr, *sin = nullptr;
    for (bundle::Kernel& kernel : *header->mutable_program()->mutable_kernels()) {
      if (kernel.name().rfind("cos_", 0) == 0) cos = &kernel;
      if (kernel.name().rfind("sin_", 0) == 0) sin = &kernel;
    }
    ASSERT_TRUE(cos != nullptr && sin != nullptr);
    const uint64_t entry = cos->entry();
    cos->set_entry(sin->entry());
    sin->set_entry(entry);
  });
  const auto verdict = Verify(path);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  ASSERT_TRUE(verdict->finding.has_value());
  EXPECT_THAT(FindingText(*verdict->finding), StartsWith("kernel cos_"));
  EXPECT_EQ(verdict->finding->func, "step");
  EXPECT_EQ(verdict->finding->statement, "cos");
  const auto repro = ir::ParseModule(verdict->finding->repro, "repro.lluda");
  ASSERT_TRUE(repro.ok()) << repro.status() << verdict->finding->repro;
  EXPECT_THAT(verdict->finding->repro, HasSubstr("%cos = cos "));
}

TEST(VerifyBundleTest, AWrongConstantInTheCodeIsFoundInTheFirstKernelThatReadsIt) {
  const std::string path = Compiled();
  // The norms' epsilon, 1e-6, becomes 1.
  PatchCode(path, std::string("\xbd\x37\x86\x35", 4), std::string("\x00\x00\x80\x3f", 4));
  const auto verdict = Verify(path);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  ASSERT_TRUE(verdict->finding.has_value());
  EXPECT_THAT(verdict->finding->culprit, StartsWith("kernel rmsnorm_"));
  EXPECT_EQ(verdict->finding->func, "attn");
  EXPECT_EQ(verdict->finding->index, 0);
  EXPECT_EQ(verdict->finding->statement, "h");
  EXPECT_THAT(verdict->finding->repro, HasSubstr("eps = 1e-06"));
}

TEST(VerifyBundleTest, CallsThatAreNoStatementsOfTheModuleAreDamage) {
  const std::string path = Compiled();
  bundle::EditHeader(path, [](bundle::Header* header) {
    header->mutable_program()->mutable_entries(0)->mutable_calls(2)->mutable_site()->set_statement(
        "x9");
  });
  EXPECT_THAT(std::string(Verify(path).status().message()),
              HasSubstr("tiny.llb: is damaged: call step.x9 is no statement of its module"));
}

TEST(BundleWeightsTest, AreWhatTheLoadBlockMakesOfTheCheckpoint) {
  const auto model = Open(Compiled());
  ASSERT_TRUE(model.ok()) << model.status();
  const auto native = NativeProgramOf(*model);
  ASSERT_TRUE(native.ok()) << native.status();
  const BundleWeights weights(*model->module, native->program, model->bundle()->weights());

  const auto files = engine::OpenModelFiles(kFolder, engine::Weights::kRequired);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto checkpoint = [&](const ir::Global& weight,
                              int64_t index) -> absl::StatusOr<ir::Tensor> {
    ASSIGN_OR_RETURN(auto tensor, files->checkpoint->Get(ir::SourceName(weight, index)));
    return ir::Tensor::FromBytes(weight.type, tensor->span());
  };
  auto interpreter =
      ir::Interpreter::Create(model->module.get(), {{{"S", 1}, {"C", 64}}, checkpoint});
  ASSERT_TRUE(interpreter.ok()) << interpreter.status();
  ASSERT_TRUE(interpreter->RunLoad().ok());
  for (const auto& global : model->module->globals()) {
    if (global->kind != ir::Global::Kind::kLoaded) continue;
    for (int64_t i = 0; i < (global->index ? global->index->count : 1); ++i) {
      const auto ours = weights.Read(*global, i);
      const auto expected = interpreter->Read(global->name, i);
      ASSERT_TRUE(ours.ok() && expected.ok()) << ours.status() << expected.status();
      // 1 / x, an approximation and a step of Newton's.
      EXPECT_LT(ErrorOf(*ours, *expected), 1e-12) << global->name << "[" << i << "]";
    }
  }
  const ir::Global& norm = *model->module->FindGlobal("final_norm");
  const auto kept = weights.Read(norm, 0);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->floats(), checkpoint(norm, 0)->floats());

  const BundleWeights none(*model->module, native->program, "too short");
  EXPECT_THAT(std::string(none.Read(norm, 0).status().message()),
              HasSubstr("@final_norm lies outside the bundle's weights"));
  EXPECT_EQ(weights.Read(*model->module->FindGlobal("wq"), 0).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace lluda::tools
