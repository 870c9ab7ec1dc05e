#include "ir/infer/infer_experts.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "ir/infer/infer_test_util.h"

namespace lluda::ir {
namespace {

// What a statement among these globals and values is inferred as.
std::string Inferred(absl::string_view statement) {
  return InferredAmong(
      R"(
  weight @w : bf16 e[4] n[6] k[8]
  weight @w2 : bf16 e[4] n[6] m[2] k[8]
  weight @blocks : q8_0 e[4] n[6] k[32])",
      R"(%x: f32 tok[T] k[8], %xr: bf16 tok[T] top[2] k[8], %x32: f32 tok[T] k[32], %p: f32 tok[T] e[4],
          %i: i32 tok[T] top[2], %l: i64 tok[T] top[2], %o: i32 tok[T] top[2], %d: f32 tok[T] top[2] n[6],
          %b: bf16 tok[T] top[2] n[6], %v: f32 tok[T] top[2], %y: f32 tok[T] n[6], %s: f32 tok[T] pos[T],
          %other: i32 tok[T] top[3], %t3: i32 tok[T] top[3], %none: i32)",
      statement);
}

struct Case {
  const char* statement;
  const char* inferred;
};

constexpr Case kCases[] = {
    {"top_k %p over e -> top[2]", "i32 tok[T] top[2]"},
    {"top_k %p over e -> e[4]", "i32 tok[T] e[4]"},
    {"top_k %p over e -> top[5]", "top_k: cannot choose top[5] of e[4]"},
    {"top_k %p over e -> top[T]", "top_k: cannot choose top[T] of e[4]"},
    {"top_k %s over pos -> top[2]", "top_k: cannot choose top[2] of pos[T]"},
    {"top_k %p over e -> tok[2]", "top_k: result would have axis 'tok' twice: i32 tok[T] tok[2]"},
    {"top_k %p over e", "top_k: needs exactly one result axis"},
    {"top_k %p over x -> top[2]", "top_k: operand 0 has no axis 'x': f32 tok[T] e[4]"},
    {"top_k %i over top -> one[1]",
     "top_k: operand 0 must be of a float type, is i32 tok[T] top[2]"},

    {"pick %p over e at %i", "f32 tok[T] top[2]"},
    {"pick %p over e at %l", "f32 tok[T] top[2]"},
    {"pick %xr over k at %i", "bf16 tok[T] top[2]"},
    {"pick %d over n at %other", "pick: axis 'top' is 2 long in operand 0 and 3 in operand 1"},
    {"pick %d over top at %i", "pick: operand 1 has the axis 'top', too"},
    {"pick %y over tok at %none", "pick: operand 1 has no axis 'n': i32"},
    {"pick %p over e at %v", "pick: operand 1 must be i32 or i64, is f32 tok[T] top[2]"},

    {"order %i", "i32 tok[T] top[2]"},
    {"order %l", "i32 tok[T] top[2]"},
    {"order %v", "order: operand 0 must be i32 or i64, is f32 tok[T] top[2]"},
    {"order %none", "order: needs an axis"},

    {"expert_matmul %x @w over k e at %i %o", "f32 tok[T] top[2] n[6]"},
    {"expert_matmul %xr @w over k e at %l %o {out = bf16}", "bf16 tok[T] top[2] n[6]"},
    {"expert_matmul %x @w over k e -> h[3] at %i %o {epilogue = silu_mul}",
     "f32 tok[T] top[2] h[3]"},
    {"expert_matmul %x32 @blocks over k e at %i %o", "f32 tok[T] top[2] n[6]"},
    {"expert_matmul %x @w over k e -> h[2] at %i %o {epilogue = silu_mul}",
     "expert_matmul: epilogue silu_mul halves 6 columns, the result axis has 2"},
    {"expert_matmul %x @w over k e at %i %o {epilogue = silu_mul}",
     "expert_matmul: epilogue silu_mul needs one result axis"},
    {"expert_matmul %x @w over k e -> h[3] at %i %o",
     "expert_matmul: with no epilogue names no result axis"},
    {"expert_matmul %x @w over k e at %i %o {epilogue = bias}",
     "expert_matmul: has no place for the operands of the epilogue bias"},
    {"expert_matmul %x @w over k at %i %o", "expert_matmul: names 1 axes, needs 2"},
    {"expert_matmul %x @w over k x at %i %o",
     "expert_matmul: operand 1 has no axis 'x': bf16 e[4] n[6] k[8]"},
    {"expert_matmul %x32 @w over k e at %i %o",
     "expert_matmul: axis 'k' is 32 long in operand 0 and 8 in operand 1"},
    {"expert_matmul %x @w2 over k e at %i %o",
     "expert_matmul: operand 1 must have one axis of columns, is bf16 e[4] n[6] m[2] k[8]"},
    {"expert_matmul %x @w over k e at %i %t3",
     "expert_matmul: operand 3 must be i32 tok[T] top[2], is i32 tok[T] top[3]"},
    {"expert_matmul %xr @w over k e at %other %t3",
     "expert_matmul: axis 'top' is 2 long in operand 0 and 3 in operand 2"},
    {"expert_matmul %x @w over k e at %v %o",
     "expert_matmul: operand 2 must be i32 or i64, is f32 tok[T] top[2]"},
    {"expert_matmul %i @w over k e at %i %o",
     "expert_matmul: multiplies floats, operands are i32 and bf16"},

    {"combine %d %v over top", "f32 tok[T] n[6]"},
    {"combine %d %v %y over top", "f32 tok[T] n[6]"},
    {"combine %d %v %x over top", "combine: operand 2 must be f32 tok[T] n[6], is f32 tok[T] k[8]"},
    {"combine %b %v over top", "combine: operand 0 must be f32, is bf16 tok[T] top[2] n[6]"},
    {"combine %d %y over top", "combine: operand 1 has no axis 'top': f32 tok[T] n[6]"},
    {"combine %v %d over top", "combine: operand 0 has no axis 'n': f32 tok[T] top[2]"},
};

TEST(InferExpertsTest, GivesTheTypeOrTheReason) {
  for (const auto& [statement, inferred] : kCases) {
    EXPECT_EQ(Inferred(statement), inferred) << statement;
  }
}

}  // namespace
}  // namespace lluda::ir
