// Plants faults and looks whether they are found, and named.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "base/files/test_files.h"
#include "base/status_macros.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "engine/source/checkpoint_weights.h"
#include "engine/source/model_files.h"
#include "engine/tiny_checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "passes/registry.h"
#include "tools/verify/verify_kernels.h"
#include "tools/verify/verify_passes.h"
#include "tools/verify/verify_reference.h"
#include "tools/verify/verify_slice.h"

namespace lluda::tools {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// A registered pass, and something wrong that is done to the module after it.
class BrokenPass : public passes::Pass {
 public:
  using Break = std::function<void(ir::Op* op)>;
  BrokenPass(std::unique_ptr<passes::Pass> pass, Break break_op)
      : pass_(std::move(pass)), break_(std::move(break_op)) {}
  absl::string_view name() const override { return pass_->name(); }
  absl::StatusOr<bool> Run(ir::Module* module) override {
    absl::StatusOr<bool> changed = pass_->Run(module);
    if (changed.ok() && *changed) ir::ForEachOp(*module, break_);
    return changed;
  }

 private:
  std::unique_ptr<passes::Pass> pass_;
  Break break_;
};

class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Import("reference_data/tiny", engine::Precision::kBF16));
    run_.weights = [this](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
      ASSIGN_OR_RETURN(auto tensor, files_.checkpoint->Get(ir::SourceName(weight, index)));
      return ir::Tensor::FromBytes(weight.type, tensor->span());
    };
    // More tokens than a register tile has rows, then one.
    run_.steps = {{5, 17, 3, 60, 2, 8, 11, 4, 40, 33, 21, 7, 1, 13}, {9}};
  }

  void Import(const std::string& folder, engine::Precision precision) {
    auto files = engine::OpenModelFiles(folder, engine::Weights::kRequired);
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
    engine::ModuleOptions options;
    options.precision = precision;
    auto module = engine::ImportModule(files_, options);
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
  }

  // The default pipeline, with `break_op` done to every op after the pass called `broken`.
  std::optional<Finding> Passes(const std::string& broken, const BrokenPass::Break& break_op) {
    std::vector<std::unique_ptr<passes::Pass>> passes;
    for (const std::string& name : passes::DefaultPipeline()) {
      auto pass = passes::CreatePass(name, {});
      EXPECT_TRUE(pass.ok()) << pass.status();
      passes.push_back(*std::move(pass));
      if (name == broken) {
        passes.back() = std::make_unique<BrokenPass>(std::move(passes.back()), break_op);
      }
    }
    auto found = VerifyPasses(std::move(passes), run_, module_.get());
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }

  codegen::CompiledModule Compiled() {
    EXPECT_FALSE(Passes("", nullptr).has_value());
    auto compiled = codegen::Compile(*module_, codegen::Target::Host(), {});
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return compiled.ok() ? *std::move(compiled) : codegen::CompiledModule();
  }

  std::optional<Finding> Kernels(const runtime::Program& program,
                                 runtime::WeightSource* weights = nullptr) {
    engine::CheckpointWeights checkpoint(&*files_.checkpoint);
    auto found = VerifyKernels(*module_, program, codegen::Target::Host(),
                               {weights == nullptr ? &checkpoint : weights}, run_);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }

  engine::ModelFiles files_;
  std::unique_ptr<ir::Module> module_;
  VerifyRun run_;
};

// The repro parses, is smaller than half the model, and goes through the right pass to a module
// that has the op in question.
void ExpectRepro(const Finding& finding, const std::string& pass, const std::string& op) {
  auto module = ir::ParseModule(finding.repro, "repro.lluda");
  ASSERT_TRUE(module.ok()) << module.status() << "\n" << finding.repro;
  ASSERT_EQ((*module)->funcs().size(), 1u);
  if (!pass.empty()) {
    auto pipeline = passes::Pipeline::Create({pass}, {});
    ASSERT_TRUE(pipeline.ok());
    const auto reports = pipeline->Run(module->get());
    ASSERT_TRUE(reports.ok()) << reports.status();
    EXPECT_TRUE(reports->front().changed) << finding.repro;
  }
  EXPECT_THAT(ir::PrintModule(**module), HasSubstr(" = " + op + " "));
}

TEST_F(VerifyTest, NothingIsFoundWhereNothingIsWrong) {
  const codegen::CompiledModule compiled = Compiled();
  EXPECT_FALSE(Kernels(compiled.program).has_value());
}

// pack-weights calls what it packs in place as the packed weight is called: a cast of one from f32, a
// view of the head.
TEST_F(VerifyTest, AValueIsToldFromAWeightOfItsName) {
  engine::Tensors tensors = engine::TinyTensors();
  for (auto& [name, tensor] : tensors) tensor = engine::Widened(tensor);
  engine::Stored head = tensors["model.embed_tokens.weight"];
  std::reverse(head.data.begin(), head.data.end());  // other numbers
  for (size_t i = 0; i < head.data.size(); i += 4) {
    std::reverse(&head.data[i], &head.data[i] + 4);
  }
  tensors["lm_head.weight"] = head;
  const base::TemporaryFolder folder;
  folder.Write("config.json",
               absl::StrReplaceAll(engine::TinyConfig(), {{"\"tie_word_embeddings\": true",
                                                           "\"tie_word_embeddings\": false"}}));
  folder.Write("model.safetensors", engine::CheckpointBytes(tensors, 0));
  ASSERT_NO_FATAL_FAILURE(Import(folder.path(), engine::Precision::kBF16));
  const codegen::CompiledModule compiled = Compiled();
  const auto found = Kernels(compiled.program);
  EXPECT_FALSE(found.has_value()) << FindingText(*found);
  std::vector<std::string> loads;
  for (const runtime::Call& call : compiled.program.load) loads.push_back(ToString(call.site));
  EXPECT_THAT(loads, AllOf(Contains("load.%wq_bf16[1]"), Contains("load.wq_bf16[1]")));
}

TEST_F(VerifyTest, ResultsThatAreNaNOnBothSidesAreNotRight) {
  engine::Tensors tensors = engine::TinyTensors();
  tensors["model.layers.0.input_layernorm.weight"].data.replace(0, 2, "\xC0\x7F");
  const base::TemporaryFolder folder;
  folder.Write("config.json", engine::TinyConfig());
  folder.Write("model.safetensors", engine::CheckpointBytes(tensors, 0));
  ASSERT_NO_FATAL_FAILURE(Import(folder.path(), engine::Precision::kF32));
  const codegen::CompiledModule compiled = Compiled();
  engine::CheckpointWeights weights(&*files_.checkpoint);
  const auto found =
      VerifyKernels(*module_, compiled.program, codegen::Target::Host(), {&weights}, run_);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(std::string(found.status().message()),
            "@step gives NaN, against which nothing can be held: first at @attn[0] %h0 in step 0");
}

TEST_F(VerifyTest, ASwappedRopeHalfIsFoundInFuseRope) {
  const auto found = Passes("fuse-rope", [](ir::Op* op) {
    if (op->opcode() != ir::Opcode::kRope) return;
    const ir::Operand cos = op->operand(1);
    op->SetOperand(1, op->operand(2));
    op->SetOperand(2, cos);
  });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->culprit, "pass fuse-rope (#4)");
  EXPECT_EQ(found->func, "attn");
  EXPECT_EQ(found->index, 0);
  EXPECT_EQ(found->step, 0);
  EXPECT_EQ(found->statement, "q3");
  ExpectRepro(*found, "fuse-rope", "rope");
  EXPECT_THAT(found->repro, Not(HasSubstr("matmul")));
}

TEST_F(VerifyTest, ADroppedMaskIsFoundInFuseAttention) {
  const auto found = Passes("fuse-attention", [](ir::Op* op) {
    if (op->opcode() == ir::Opcode::kAttention) op->attrs.mask = ir::Mask::kNone;
  });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->culprit, "pass fuse-attention (#6)");
  EXPECT_EQ(found->func, "attn");
  EXPECT_EQ(found->statement, "o0");
  ExpectRepro(*found, "fuse-attention", "attention");
}

TEST_F(VerifyTest, AWrongScaleIsFoundInFuseAttention) {
  const auto found = Passes("fuse-attention", [](ir::Op* op) {
    if (op->opcode() == ir::Opcode::kAttention) op->attrs.scale = *op->attrs.scale * 1.01;
  });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->culprit, "pass fuse-attention (#6)");
  EXPECT_EQ(found->statement, "o0");
}

// Serves one tensor with two rows exchanged, as a pack that mixes up rows of a panel would.
class MixedRows : public runtime::WeightSource {
 public:
  MixedRows(const frontends::Checkpoint* checkpoint, std::string tensor, int64_t row_bytes)
      : weights_(checkpoint), tensor_(std::move(tensor)), row_bytes_(row_bytes) {}

  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override {
    auto data = weights_.Data(tensor, bytes);
    if (!data.ok() || tensor != tensor_) return data;
    copy_.assign(static_cast<const char*>(*data), static_cast<const char*>(*data) + bytes);
    std::swap_ranges(copy_.begin(), copy_.begin() + row_bytes_, copy_.begin() + 3 * row_bytes_);
    return copy_.data();
  }
  void Release(const std::string&, int64_t, int64_t) override {}

 private:
  engine::CheckpointWeights weights_;
  std::string tensor_;
  int64_t row_bytes_;
  std::vector<char> copy_;
};

TEST_F(VerifyTest, AMisPackedPanelIsFoundInItsKernel) {
  const codegen::CompiledModule compiled = Compiled();
  const int64_t row_bytes = 2 * files_.decoder.intermediate_size;
  MixedRows weights(&*files_.checkpoint, "model.layers.1.mlp.down_proj.weight", row_bytes);
  const auto found = Kernels(compiled.program, &weights);
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(found->culprit, HasSubstr("kernel pack_"));
  EXPECT_EQ(found->func, "load");
  EXPECT_EQ(found->statement, "wd_p");
  EXPECT_EQ(found->index, 1);
  ExpectRepro(*found, "", "pack");
  EXPECT_THAT(found->repro, Not(HasSubstr("@wgu")));
}

// A kernel that computes as it should, but for one element.
runtime::KernelFn right_kernel = nullptr;  // what Nudge calls; set by the one test that uses it
void Nudge(const runtime::KernelArgs* args) {
  right_kernel(args);
  static_cast<float*>(args->buffers[3])[1] += 0.1f;
}

TEST_F(VerifyTest, ABrokenKernelIsFoundAtItsFirstCall) {
  codegen::CompiledModule compiled = Compiled();
  for (runtime::Call& call : compiled.program.entries[0].calls) {
    if (ToString(call.site) != "attn[0].y") continue;
    runtime::Kernel& kernel = compiled.program.kernels[call.kernel];
    right_kernel = kernel.fn;
    kernel.fn = Nudge;
  }
  ASSERT_NE(right_kernel, nullptr);
  const auto found = Kernels(compiled.program);
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(found->culprit, HasSubstr("kernel matmul_"));
  EXPECT_EQ(found->func, "attn");
  EXPECT_EQ(found->statement, "y");
  EXPECT_EQ(found->index, 0);
  ExpectRepro(*found, "", "matmul");
  EXPECT_THAT(found->repro, HasSubstr("func @attn[layer < 2](%o0: "));
}

class VerifyReferenceTest : public VerifyTest {
 protected:
  void SetUp() override {
    VerifyTest::SetUp();
    engine::ModuleOptions options;
    options.record_activations = true;
    auto module = engine::ImportModule(files_, options);
    ASSERT_TRUE(module.ok()) << module.status();
    recording_ = *std::move(module);
    auto prompts = LoadReference("reference_data/tiny/reference.json");
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    prompts_ = *std::move(prompts);
  }

  absl::StatusOr<std::optional<Finding>> Verify() {
    return VerifyReference(*recording_, run_.weights, prompts_, engine::ModuleOptions());
  }

  std::unique_ptr<ir::Module> recording_;
  std::vector<ReferencePrompt> prompts_;
};

TEST_F(VerifyReferenceTest, TheImportIsWhatTransformersComputes) {
  const auto found = Verify();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->has_value());
}

TEST_F(VerifyReferenceTest, AWrongImportIsFoundAtTheFirstModuleThatIsOff) {
  ir::ForEachOp(*recording_, [](ir::Op* op) {
    if (op->opcode() == ir::Opcode::kScale) op->attrs.by = *op->attrs.by * 2;
  });
  const auto found = Verify();
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->has_value());
  // The scores' scale: the first thing that shows it is the output of attention.
  EXPECT_EQ((*found)->culprit, "import of layer0.self_attn.o_proj");
  EXPECT_EQ((*found)->func, "attn");
  EXPECT_EQ((*found)->index, 0);
  ExpectRepro(**found, "", "matmul");
}

TEST_F(VerifyReferenceTest, AReferenceOfAnotherModelIsRefused) {
  prompts_.front().activations.front().values.pop_back();
  EXPECT_THAT(std::string(Verify().status().message()), HasSubstr("elements, the model's has "));
  for (ReferencePrompt& prompt : prompts_) prompt.activations.clear();
  EXPECT_EQ(Verify().status().message(), "no prompt of the reference has activations");
}

TEST_F(VerifyTest, AModelCutToOneLayerRunsThatLayerOnly) {
  KeepLayers(1, module_.get());
  EXPECT_FALSE(Passes("", nullptr).has_value());
  const std::string text = ir::PrintModule(*module_);
  EXPECT_THAT(text, HasSubstr("[layer < 1]"));
  EXPECT_THAT(text, Not(HasSubstr("[layer < 2]")));
  EXPECT_THAT(text, Not(HasSubstr("in 0..2 ")));
}

TEST_F(VerifyTest, LayersForTextAndForSoundAreCutTogether) {
  ASSERT_NO_FATAL_FAILURE(Import("reference_data/asr", engine::Precision::kBF16));
  EXPECT_EQ(LayersOf(*module_), 3);
  KeepLayers(1, module_.get());
  EXPECT_EQ(LayersOf(*module_), 1);
  EXPECT_FALSE(Passes("", nullptr).has_value());
  const std::string text = ir::PrintModule(*module_);
  EXPECT_THAT(text, AllOf(HasSubstr("[layer < 1]"), HasSubstr("[block < 1]")));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("in 0..2 ")), Not(HasSubstr("in 0..3 "))));
}

TEST(ErrorOfTest, RoundsToTheCoarserTypeAndTakesInfinitiesAsEqual) {
  const ir::Type type{ir::DType::kF32, {{"n", ir::Extent::Constant(2)}}, {}};
  const float infinity = std::numeric_limits<float>::infinity();
  const auto tensor = [&](ir::DType dtype, float a, float b) {
    return ir::Tensor::OfFloats(type.With(dtype), {a, b});
  };
  const ir::DType f32 = ir::DType::kF32, bf16 = ir::DType::kBF16;
  EXPECT_EQ(ErrorOf(tensor(f32, 1, -infinity), tensor(f32, 1, -infinity)), 0);
  EXPECT_EQ(ErrorOf(tensor(f32, 1.001f, 2), tensor(bf16, 1.001f, 2)), 0);
  EXPECT_GT(ErrorOf(tensor(f32, 1.001f, 2), tensor(f32, 1, 2)), 1e-8);
  EXPECT_EQ(ErrorOf(tensor(f32, infinity, 2), tensor(f32, 1, 2)), infinity);
  EXPECT_EQ(ErrorOf(tensor(f32, NAN, 2), tensor(f32, 1, 2)), infinity);
  EXPECT_EQ(ErrorOf(tensor(f32, 1, 0), tensor(f32, 0, 0)), infinity);
}

}  // namespace
}  // namespace lluda::tools
