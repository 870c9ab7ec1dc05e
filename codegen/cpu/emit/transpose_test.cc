#include "codegen/cpu/emit/transpose.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

TEST(Transpose, MakesTheLanesOfEachGroupItsRows) {
  for (const Target& target : RunnableTargets()) {
    for (const auto& [n, lanes] : {std::pair(8, 8), std::pair(8, 16), std::pair(16, 16)}) {
      SCOPED_TRACE(::testing::Message()
                   << IsaName(target.isa) << ", " << n << " rows of " << lanes);
      const EmittedKernel kernel(target, [&, n = n, lanes = lanes](Emitter& e) {
        auto& b = e.b();
        const auto at = [&](int buffer, int row) {
          return e.Address(e.Buffer(buffer), e.Const(row * lanes), ir::DType::kI32);
        };
        std::vector<Value*> rows;
        for (int i = 0; i < n; ++i) {
          rows.push_back(b.CreateAlignedLoad(e.Int(32, lanes), at(0, i), llvm::Align(4)));
        }
        rows = Transpose(e, std::move(rows));
        for (int i = 0; i < n; ++i) b.CreateAlignedStore(rows[i], at(1, i), llvm::Align(4));
      });
      std::vector<int32_t> from(n * lanes), to(n * lanes, -1);
      for (int i = 0; i < n * lanes; ++i) from[i] = i;
      kernel.Run({from.data(), to.data()});
      for (int group = 0; group < lanes; group += n) {
        for (int row = 0; row < n; ++row) {
          for (int lane = 0; lane < n; ++lane) {
            EXPECT_EQ(to[row * lanes + group + lane], from[lane * lanes + group + row])
                << "row " << row << ", lane " << group + lane;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace lluda::codegen
