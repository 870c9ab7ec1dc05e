#include "codegen/llvm/jit.h"

#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files/file_cache.h"
#include "base/files/test_files.h"
#include "base/status_macros.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

// GDB's JIT interface, as its manual ("JIT Compilation Interface") declares it; LLVM defines it.
extern "C" {
struct jit_code_entry {
  jit_code_entry* next_entry;
  jit_code_entry* prev_entry;
  const char* symfile_addr;
  uint64_t symfile_size;
};
struct jit_descriptor {
  uint32_t version;
  uint32_t action_flag;
  jit_code_entry* relevant_entry;
  jit_code_entry* first_entry;
};
extern jit_descriptor __jit_debug_descriptor;  // NOLINT: the interface's name
}

namespace lluda::codegen {
namespace {

constexpr char kText[] =
    "  func @step(%x: f32 tok[T] d[40]) -> f32 tok[T] d[40] {\n"
    "    %a = exp %x : f32 tok[T] d[40]\n"
    "    %b = cos %a : f32 tok[T] d[40]\n"
    "    return %b\n"
    "  }";

CompiledModule CompileWith(const JitOptions& jit, const base::CodeCache* cache = nullptr) {
  const auto module = PlannedTestModule(kText);
  CompileOptions options;
  options.threads = jit.threads;
  options.perf = jit.perf;
  options.gdb = jit.gdb;
  options.cache = cache;
  auto compiled = Compile(*module, Target::Host(), options);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *std::move(compiled) : CompiledModule();
}

// How many objects that GDB was told of have the kernel's name in them.
int KnownToGdb(const std::string& kernel) {
  int found = 0;
  for (const jit_code_entry* entry = __jit_debug_descriptor.first_entry; entry != nullptr;
       entry = entry->next_entry) {
    found += absl::StrContains(absl::string_view(entry->symfile_addr, entry->symfile_size), kernel);
  }
  return found;
}

// Two kernels that cannot be linked.
absl::Status CompileUnlinkable(int threads) {
  JitOptions options;
  options.threads = threads;
  ASSIGN_OR_RETURN(auto jit, Jit::Create(Target::Host(), options));
  for (const std::string name : {"first", "second"}) {
    auto context = std::make_unique<llvm::LLVMContext>();
    llvm::SMDiagnostic problem;
    auto module = llvm::parseAssemblyString(
        absl::StrCat("declare void @missing()\n"
                     "define void @",
                     name, "(ptr %args) { call void @missing() ret void }\n"),
        problem, *context);
    EXPECT_NE(module, nullptr) << problem.getMessage().str();
    RETURN_IF_ERROR(jit->AddModule(std::move(context), std::move(module)));
  }
  return std::move(*jit).Compile({"first", "second"}).status();
}

TEST(JitErrorTest, WhatCannotBeCompiledIsSaidInTheErrorAndNotOnStderr) {
  for (const int threads : {1, 2}) {
    testing::internal::CaptureStderr();
    const absl::Status status = CompileUnlinkable(threads);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_TRUE(absl::StrContains(status.message(), "compiling: Symbols not found: [ missing ]"))
        << status;
  }
}

class JitTest : public testing::Test {
 protected:
  const base::TemporaryFolder folder_;
  const base::CodeCache cache_ =
      *base::CodeCache::Open(folder_.PathOf("cache"), base::kDefaultCacheBytes);
};

TEST_F(JitTest, GdbKnowsKernelsOnlyWhenItIsAsked) {
  {
    const CompiledModule silent = CompileWith({}, &cache_);
    for (const auto& kernel : silent.program.kernels) EXPECT_EQ(KnownToGdb(kernel.name), 0);
  }
  JitOptions options;
  options.threads = 2;
  options.gdb = true;
  const CompiledModule compiled = CompileWith(options);
  ASSERT_EQ(compiled.program.kernels.size(), 2u);
  for (const auto& kernel : compiled.program.kernels) {
    EXPECT_EQ(KnownToGdb(kernel.name), 1) << kernel.name;
  }
  const CompiledModule cached = CompileWith(options, &cache_);
  ASSERT_EQ(cached.cached_kernels, 2);
  for (const auto& kernel : cached.program.kernels) {
    EXPECT_EQ(KnownToGdb(kernel.name), 2) << kernel.name << " compiled, and from the cache";
  }
}

TEST_F(JitTest, PerfsMapHasEveryKernelsNameAddressAndSizeFromTheCacheToo) {
  JitOptions options;
  options.threads = 2;
  options.perf = true;
  for (const int cached : {0, 2}) {
    const CompiledModule compiled = CompileWith(options, &cache_);
    ASSERT_EQ(compiled.program.kernels.size(), 2u);
    ASSERT_EQ(compiled.cached_kernels, cached);
    const std::string path = absl::StrCat("/tmp/perf-", getpid(), ".map");
    std::ifstream file(path);
    ASSERT_TRUE(file.good()) << path;
    std::map<std::string, std::pair<uint64_t, uint64_t>> map;
    uint64_t address = 0, size = 0;
    std::string name;
    while (file >> std::hex >> address >> size >> name) map[name] = {address, size};
    for (const auto& kernel : compiled.program.kernels) {
      ASSERT_EQ(map.count(kernel.name), 1u) << kernel.name;
      EXPECT_EQ(map[kernel.name].first, reinterpret_cast<uint64_t>(kernel.fn)) << kernel.name;
      EXPECT_GT(map[kernel.name].second, 0u) << kernel.name;
    }
    unlink(path.c_str());
  }
}

}  // namespace
}  // namespace lluda::codegen
