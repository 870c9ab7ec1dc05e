#include "codegen/emit/emitter.h"

#include <cstdint>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "codegen/emit/integer.h"
#include "gtest/gtest.h"
#include "llvm/IR/Instructions.h"

namespace lluda::codegen {
namespace {

TEST(AddressTest, IsOfTheElementThatTheFormulaSays) {
  std::vector<float> x(200), r(20);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  for (const Target& target : RunnableTargets()) {
    const EmittedKernel kernel(target, [](Emitter& e) {
      e.Loop(e.Begin(), e.End(), 1, [&](Value* item) {
        const Integer k(e, item);
        // 9k + 8, in which a constant is taken away again.
        Value* element = (k + 2) * 3 + (Integer(e, e.Const(4)) + k * 2) * 2 + (k + (k - 1) + -5);
        Value* x = e.Load(e.Address(e.Buffer(0), element, ir::DType::kF32), ir::DType::kF32, 1);
        e.Store(e.Address(e.Buffer(1), item, ir::DType::kF32), ir::DType::kF32, x);
      });
    });
    kernel.Run({x.data(), r.data()}, 20);
    for (size_t k = 0; k < r.size(); ++k) EXPECT_EQ(r[k], static_cast<float>(9 * k + 8));
  }
}

TEST(AddressTest, AddressesThatDifferByAConstantShareTheRest) {
  const EmittedKernel kernel(Target::Host(), [](Emitter& e) {
    const auto at = [&](int64_t step) {
      Value* element = (Integer(e, e.Begin()) + step) * kLanes;
      return llvm::cast<llvm::GetElementPtrInst>(e.Address(e.Buffer(0), element, ir::DType::kBF16));
    };
    const auto* step = at(2);
    // 2 * 16 elements of 2 bytes, behind an address in which there is no constant.
    EXPECT_EQ(llvm::cast<llvm::ConstantInt>(step->getOperand(1))->getSExtValue(), 32);
    const auto* rest = llvm::cast<llvm::GetElementPtrInst>(step->getPointerOperand());
    const auto* product = llvm::cast<llvm::BinaryOperator>(rest->getOperand(1));
    EXPECT_EQ(product->getOperand(0), e.Begin());
    // One without a constant is left as it is.
    EXPECT_EQ(at(0)->getPointerOperand(), e.Buffer(0));
  });
}

}  // namespace
}  // namespace lluda::codegen
