#include "codegen/llvm/image.h"

#include <sys/mman.h>

#include <cstring>
#include <string>
#include <vector>

#include "codegen/cpu/cpu_compile.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/llvm/jit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace lluda::codegen {
namespace {

using ::testing::HasSubstr;

constexpr char kExponential[] = R"(
  func @f(%x: f32 a[40]) -> f32 a[40] {
    %y = exp %x : f32 a[40]
    return %y
  })";

// The image's bytes in memory that may run.
class Mapping {
 public:
  explicit Mapping(const Image& image) : size_(image.bytes.size()) {
    data_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(data_, MAP_FAILED);
    std::memcpy(data_, image.bytes.data(), size_);
    mprotect(data_, size_, PROT_READ | PROT_EXEC);
  }
  ~Mapping() { munmap(data_, size_); }
  runtime::KernelFn At(int64_t offset) const {
    return reinterpret_cast<runtime::KernelFn>(static_cast<char*>(data_) + offset);
  }

 private:
  size_t size_;
  void* data_;
};

std::vector<std::string> KernelNames(const runtime::Program& program) {
  std::vector<std::string> names;
  for (const runtime::Kernel& kernel : program.kernels) names.push_back(kernel.name);
  return names;
}

// What the object defines must be `text`, which is LLVM IR that `emit` builds.
template <typename Emit>
std::string ObjectOf(Emit emit) {
  llvm::LLVMContext context;
  llvm::Module module("m", context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "f", module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "entry", function));
  emit(module, builder);
  builder.CreateRetVoid();
  const auto object = ObjectFile(*Target::Portable("generic"), &module);
  EXPECT_TRUE(object.ok()) << object.status();
  return object.value_or("");
}

TEST(Image, RunsWhereverItIsMappedWithItsConstants) {
  const auto module = PlannedTestModule(kExponential);
  for (const Target& target : RunnableTargets()) {
    const auto portable = Target::Portable(IsaName(target.isa));
    ASSERT_TRUE(portable.ok());
    const auto compiled = CompileToObject(*module, *portable, {"f"});
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    const auto image = LinkImage(compiled->object, KernelNames(compiled->program));
    ASSERT_TRUE(image.ok()) << image.status();
    ASSERT_EQ(image->entries.size(), 1);
    EXPECT_EQ(image->code_offset % 4096, 0);
    EXPECT_GT(image->code_offset, 0) << "an exponential needs constants";
    EXPECT_GE(image->entries[0], image->code_offset);

    std::vector<float> x = RandomFloats(40, 7);
    std::vector<float> first(40), second(40);
    CompiledFunction jit(*module, *portable);
    const std::vector<char> expected =
        jit.Run(*jit.NewStates({1, 1, 64}), {1, 1, 64}, {Bytes(x)}, 40 * sizeof(float));
    for (std::vector<float>* result : {&first, &second}) {
      const Mapping mapping(*image);
      void* buffers[] = {x.data(), result->data()};
      const int64_t dims[] = {1, 1, 64};
      const int64_t items = compiled->program.kernels[0].work.Count(dims);
      const runtime::KernelArgs args{buffers, dims, nullptr, 0, items};
      mapping.At(image->entries[0])(&args);
      EXPECT_EQ(Bytes(*result), expected) << IsaName(target.isa);
    }
  }
}

TEST(Image, LeavesOutWhatIsNotWanted) {
  const auto module = PlannedTestModule(R"(
  func @f(%x: f32 a[40]) -> f32 a[40] {
    %y = exp %x : f32 a[40] in 0
    %z = scale %y {by = 2} : f32 a[40]
    return %z
  })");
  const auto compiled = CompileToObject(*module, *Target::Portable("generic"), {"f"});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const std::vector<std::string> names = KernelNames(compiled->program);
  ASSERT_EQ(names.size(), 2);
  const auto both = LinkImage(compiled->object, names);
  const auto one = LinkImage(compiled->object, {names[1]});
  ASSERT_TRUE(both.ok() && one.ok());
  EXPECT_LT(one->bytes.size(), both->bytes.size());
}

TEST(Image, IsRefusedForACallOfSomethingElse) {
  const std::string object = ObjectOf([](llvm::Module& module, llvm::IRBuilder<>& builder) {
    auto* type = llvm::FunctionType::get(builder.getVoidTy(), false);
    builder.CreateCall(module.getOrInsertFunction("elsewhere", type));
  });
  const auto image = LinkImage(object, {"f"});
  ASSERT_FALSE(image.ok());
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("elsewhere is not defined"));
}

TEST(Image, IsRefusedForAnAddressInItsData) {
  const std::string object = ObjectOf([](llvm::Module& module, llvm::IRBuilder<>& builder) {
    auto* pointer = builder.getPtrTy();
    auto* global = new llvm::GlobalVariable(module, pointer, /*isConstant=*/false,
                                            llvm::GlobalValue::ExternalLinkage,
                                            module.getFunction("f"), "table");
    builder.CreateStore(builder.CreateLoad(pointer, global), global, /*isVolatile=*/true);
  });
  const auto image = LinkImage(object, {"f"});
  ASSERT_FALSE(image.ok());
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("depends on where the code lies"));
}

TEST(Image, IsRefusedForAMissingFunctionAndForWhatIsNoObject) {
  const std::string object = ObjectOf([](llvm::Module&, llvm::IRBuilder<>&) {});
  EXPECT_THAT(std::string(LinkImage(object, {"f", "g"}).status().message()),
              HasSubstr("no function g"));
  EXPECT_THAT(std::string(LinkImage("no object", {"f"}).status().message()),
              HasSubstr("linking kernels"));
}

}  // namespace
}  // namespace lluda::codegen
