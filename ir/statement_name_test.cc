#include "ir/statement_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

TEST(StatementNameTest, AValueOfTheLoadBlockIsToldFromAGlobalOfItsName) {
  const auto module = ParseModule(R"(lluda 1 module @m {
    weight @raw : f32 a[4]
    load {
      %half = cast @raw {out = bf16} : bf16 a[4]
      %w = exp %half : bf16 a[4]
      @w = exp %w : bf16 a[4]
    }
    func @f() -> bf16 a[4] {
      %w = exp @w : bf16 a[4]
      return %w
    }
  })",
                                  "m");
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<std::string> names;
  ForEachOp(**module, [&](const Op* op) { names.push_back(StatementName(*op)); });
  EXPECT_THAT(names, testing::ElementsAre("half", "%w", "w", "w", "return"));
}

}  // namespace
}  // namespace lluda::ir
