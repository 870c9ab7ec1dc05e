// What the compiler makes of small models, as hashes: a change that means to move nothing shows here
// that nothing moved, and one that means to says so by a new golden file. A line for each thing, so
// that the lines that differ tell where to look: after which stage, for which instruction set.
//
//   toy module        4f0c...   the module after all passes
//   toy avx2 program  81ab...   where everything lies in memory, and the calls in order
//   toy avx2 kernels  77d2...   their LLVM IR
//
// `lluda ir`, `lluda ir --plan` and `lluda asm --form=llvm` print the texts of two versions.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/files/test_files.h"
#include "base/sha256.h"
#include "codegen/compile.h"
#include "codegen/cpu/cpu_backend.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/kernel_set.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/golden_text.h"
#include "tools/ir/ir_plan.h"

namespace lluda::tests {
namespace {

// As imported; each has what the others lack.
constexpr struct {
  const char* name;
  const char* path;
} kModules[] = {
    {"toy", "frontends/decoder/testdata/toy.lluda"},
    {"toy_f32", "frontends/decoder/testdata/toy_f32.lluda"},
    {"toy_int8", "frontends/decoder/testdata/toy_int8.lluda"},
};

std::unique_ptr<ir::Module> Optimised(const std::string& path) {
  auto module = ir::ParseModule(base::ReadAll(path), path);
  EXPECT_TRUE(module.ok()) << module.status();
  if (!module.ok()) return nullptr;
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  EXPECT_TRUE(pipeline->Run(module->get()).ok());
  return *std::move(module);
}

std::string Line(absl::string_view what, const std::string& text) {
  return absl::StrFormat("%-28s %s\n", what, base::HexOf(base::Sha256(text)));
}

std::string ProgramText(const ir::Module& module, const codegen::Target& target) {
  codegen::CpuBackend backend(target, codegen::SymbolNames(module),
                              codegen::KernelModules::kPerKernel);
  codegen::KernelSet kernels(&backend, codegen::SymbolNames(module));
  const auto program = codegen::BuildProgram(module, {"step"}, &kernels);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return "";
  const auto plan = tools::PlanOf(module, *program, "");
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? tools::PlanText(*plan) : "";
}

std::string KernelsText(const ir::Module& module, const codegen::Target& target) {
  std::string text;
  for (const codegen::KernelSpec& spec : codegen::SpecsOf(module)) {
    const auto kernel = codegen::LlvmIrOf(spec, target, module);
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    if (kernel.ok()) absl::StrAppend(&text, *kernel);
  }
  return text;
}

TEST(ReplayTest, WhatBecomesOfTheToyModelsIsWhatItWas) {
  if (!codegen::CompilesForX86()) GTEST_SKIP() << "this LLVM does not compile for x86";
  std::string lines;
  for (const auto& [name, path] : kModules) {
    const std::unique_ptr<ir::Module> module = Optimised(path);
    ASSERT_NE(module, nullptr);
    absl::StrAppend(&lines, Line(absl::StrCat(name, " module"), ir::PrintModule(*module)));
    for (const codegen::Isa isa : codegen::AllIsas()) {
      const codegen::Target target = codegen::TargetToRead(isa);
      const std::string of = absl::StrCat(name, " ", codegen::IsaName(isa));
      absl::StrAppend(&lines, Line(absl::StrCat(of, " program"), ProgramText(*module, target)));
      absl::StrAppend(&lines, Line(absl::StrCat(of, " kernels"), KernelsText(*module, target)));
    }
  }
  ExpectGolden(lines, "tests/testdata/replay.txt");
}

}  // namespace
}  // namespace lluda::tests
