#include "ir/infer/infer.h"

#include <string>

#include "gtest/gtest.h"
#include "ir/infer/infer_test_util.h"

namespace lluda::ir {
namespace {

// What a statement among these globals and values is inferred as.
std::string Inferred(absl::string_view statement) {
  return InferredAmong(
      R"(
  symbol C in 1..64
  weight @w : bf16 q[16] hid[8]
  weight @p : bf16 q[16] hid[8] @panel(16x2, hid)
  weight @norm : f32 hid[8]
  weight @wk : bf16 kd[8] hid[8]
  weight @head_norm : f32 dim[4]
  weight @b : bf16 q[16]
  weight @bk : f32 kd[8]
  weight @blocks : bf16 q[16] blk[2] num[4]
  weight @bytes : i8 q[16] hid[8]
  weight @byte_blocks : i8 q[16] blk[2] num[4]
  weight @long : i8 n[2] k[131071]
  weight @longer : i8 n[2] k[131072]
  state @kc : f32 slot[4] kv[2] pos[C] dim[4]
  state @round : f32 slot[4] kv[2] pos[8] dim[4]
  state @ki : i8 slot[4] kv[2] pos[C] dim[4]
  state @ks : f32 slot[4] kv[2] pos[C]
  func @g(%a: f32 tok[T]) -> f16 tok[T] {})",
      R"(%x: f32 tok[T] hid[8], %h: bf16 tok[T] hid[8], %q: f32 tok[T] kv[2] rep[2] dim[4],
          %k: f32 tok[T] kv[2] dim[4], %i: i32 tok[T], %v: f32 tok[T], %cos: f32 tok[T] pair[2],
          %s: f32 tok[T] kv[2] pos[C], %y: f32 tok[T] hid[4], %r0: f32 tok[T] q[16], %xb: f32 tok[T] blk[2] num[4],
          %i8: i8 tok[T] hid[8], %i8b: i8 tok[T] blk[2] num[4], %i8c: i8 tok[T] pos[C])",
      statement);
}

struct Case {
  const char* statement;
  const char* inferred;
};

class InferTest : public ::testing::TestWithParam<Case> {};

TEST_P(InferTest, GivesTheTypeOrTheReason) {
  EXPECT_EQ(Inferred(GetParam().statement), GetParam().inferred) << GetParam().statement;
}

INSTANTIATE_TEST_SUITE_P(
    Types, InferTest,
    ::testing::Values(
        Case{"add %x %x", "f32 tok[T] hid[8]"}, Case{"add %v @norm", "f32 tok[T] hid[8]"},
        Case{"sub @norm %v", "f32 hid[8] tok[T]"},
        Case{"matmul %h @w over hid", "f32 tok[T] q[16]"},
        Case{"matmul %h @p over hid {out = bf16}", "bf16 tok[T] q[16]"},
        Case{"matmul %h @w over hid -> ff[8] {epilogue = silu_mul}", "f32 tok[T] ff[8]"},
        Case{"matmul %q %k over dim", "f32 tok[T] kv[2] rep[2]"},
        Case{"matmul %xb @blocks over blk num", "f32 tok[T] q[16]"},
        Case{"matmul %xb @blocks over num blk {out = bf16}", "bf16 tok[T] q[16]"},
        Case{"matmul %xb @blocks over num", "f32 tok[T] blk[2] q[16]"},
        Case{"matmul %q %k over dim kv", "f32 tok[T] rep[2]"},
        Case{"matmul %i8 @bytes over hid", "i32 tok[T] q[16]"},
        Case{"matmul %i8b @byte_blocks over num", "i32 tok[T] blk[2] q[16]"},
        Case{"matmul %i8b @byte_blocks over blk num", "i32 tok[T] q[16]"},
        Case{"matmul @long @long over k", "i32 n[2]"},
        Case{"matmul %h @wk @head_norm %cos %cos over hid -> kv[2] dim[4] {epilogue = norm rope, "
             "eps = 1, out = bf16, style = half}",
             "bf16 tok[T] kv[2] dim[4]"},
        Case{"matmul %h @wk @head_norm %cos %cos @kc over hid slot pos -> kv[2] dim[4] at %i %i "
             "{epilogue = norm rope append, eps = 1, style = half}",
             "f32 slot[4] kv[2] pos[C] dim[4]"},
        Case{"matmul %h @wk @kc over hid slot pos -> kv[2] dim[4] at %i %i {epilogue = append}",
             "f32 slot[4] kv[2] pos[C] dim[4]"},
        Case{"matmul %h @w @b over hid {epilogue = bias}", "f32 tok[T] q[16]"},
        Case{"matmul %h @w @b %r0 over hid {epilogue = bias add}", "f32 tok[T] q[16]"},
        Case{"matmul %h @w @b over hid -> ff[8] {epilogue = bias silu_mul, out = bf16}",
             "bf16 tok[T] ff[8]"},
        Case{"matmul %h @wk @head_norm over hid -> kv[2] dim[4] {epilogue = norm, eps = 1}",
             "f32 tok[T] kv[2] dim[4]"},
        Case{"matmul %h @wk %cos %cos over hid -> kv[2] dim[4] {epilogue = rope, out = f16, style "
             "= half}",
             "f16 tok[T] kv[2] dim[4]"},
        Case{"matmul %h @wk @bk %cos %cos @kc over hid slot pos -> kv[2] dim[4] at %i %i "
             "{epilogue = bias rope append, style = half}",
             "f32 slot[4] kv[2] pos[C] dim[4]"},
        Case{"exp @p", "bf16 q[16] hid[8]"}, Case{"cast %i {out = f32}", "f32 tok[T]"},
        Case{"permute @p to hid q", "bf16 hid[8] q[16] @panel(16x2, hid)"},
        Case{"split @p q -> kv[2] rep[8]", "bf16 kv[2] rep[8] hid[8]"},
        Case{"merge %q kv rep -> h[4]", "f32 tok[T] h[4] dim[4]"},
        Case{"slice %q dim 1..3 as a[1] b[2]", "f32 tok[T] kv[2] rep[2] a[1] b[2]"},
        Case{"concat %x %y hid -> wide[12]", "f32 tok[T] wide[12]"},
        Case{"concat %x %y hid hid -> wide[12]", "f32 tok[T] wide[12]"},
        Case{"gather @w over q at %i", "bf16 tok[T] hid[8]"},
        Case{"gather @kc over slot at %i", "f32 tok[T] kv[2] pos[C] dim[4]"},
        Case{"reduce_max %q over rep", "f32 tok[T] kv[2] dim[4]"},
        Case{"softmax %x over hid {out = bf16}", "bf16 tok[T] hid[8]"},
        Case{"rmsnorm %h @norm over hid {eps = 1}", "bf16 tok[T] hid[8]"},
        Case{"rope %k %cos %cos over dim {out = bf16, style = half}", "bf16 tok[T] kv[2] dim[4]"},
        Case{"append @kc %k over slot pos at %i %i", "f32 slot[4] kv[2] pos[C] dim[4]"},
        Case{"attention %q @kc @kc over slot pos dim at %i %i {scale = 1}",
             "f32 tok[T] kv[2] rep[2] dim[4]"},
        Case{"attention %q @ki @ki over slot pos dim at %i %i @ks @ks {scale = 1}",
             "f32 tok[T] kv[2] rep[2] dim[4]"},
        Case{"attention %q @kc @kc over slot pos dim at %i %i {mask = causal, scale = 1, softcap = "
             "50, "
             "window = 3}",
             "f32 tok[T] kv[2] rep[2] dim[4]"},
        Case{"offset %h {by = 1}", "bf16 tok[T] hid[8]"}, Case{"tanh %h", "bf16 tok[T] hid[8]"},
        Case{"gelu %x", "f32 tok[T] hid[8]"},
        Case{"rope %x %cos %cos over hid {style = half}", "f32 tok[T] hid[8]"},
        Case{"matmul %h @w over hid -> ff[8] {epilogue = gelu_mul}", "f32 tok[T] ff[8]"},
        Case{"causal_mask %s over pos at %i {window = 5}", "f32 tok[T] kv[2] pos[C]"},
        Case{"quantize_scale %h over hid", "f32 tok[T]"},
        Case{"keep %x %x %v", "f32 tok[T] hid[8]"}, Case{"l2_norm %h over hid", "f32 tok[T]"},
        Case{"l2_norm %x %h over hid", "f32 tok[T]"},
        Case{"nth_largest %x %i over hid", "f32 tok[T]"},
        Case{"matmul %h @w %r0 %v over hid {epilogue = keep}", "f32 tok[T] q[16]"},
        Case{"quantize %h %v", "i8 tok[T] hid[8]"},
        Case{"causal_mask %s over pos at %i", "f32 tok[T] kv[2] pos[C]"},
        Case{"pack @w over hid {tile = 8x4}", "bf16 q[16] hid[8] @panel(8x4, hid)"},
        Case{"pack @w @w q q -> qq[32] over hid {tile = 8x4}",
             "bf16 qq[32] hid[8] @panel(8x4, hid)"},
        Case{"iota -> pair[2] {step = 1}", "f32 pair[2]"},
        Case{"literal -> pair[2] {values = 1 0.5}", "f32 pair[2]"},
        Case{"call @g %v", "f16 tok[T]"}));

INSTANTIATE_TEST_SUITE_P(
    Errors, InferTest,
    ::testing::Values(
        Case{"add %x %h", "add: operands are f32 and bf16; casts are never implicit"},
        Case{"add %x %y", "add: axis 'hid' is 8 long in operand 0 and 4 in operand 1"},
        Case{"exp %i", "exp: operand 0 must be of a float type, is i32 tok[T]"},
        Case{"cast %x", "cast: needs the attribute 'out'"},
        Case{"scale %x", "scale: needs the attribute 'by'"},
        Case{"power %x", "power: needs the attribute 'base'"},
        Case{"iota -> pair[2]", "iota: needs the attribute 'step'"},
        Case{"literal -> pair[2]", "literal: has 0 values for the axis pair[2]"},
        Case{"literal -> pair[2] {values = 1 2 3}", "literal: has 3 values for the axis pair[2]"},
        Case{"literal -> pair[T] {values = 1}", "literal: has 1 values for the axis pair[T]"},
        Case{"literal -> a[1] b[1] {values = 1}", "literal: needs exactly one result axis"},
        Case{"matmul %h @w over q", "matmul: operand 0 has no axis 'q': bf16 tok[T] hid[8]"},
        Case{"matmul %y @w over hid",
             "matmul: axis 'hid' is 4 long in operand 0 and 8 in operand 1"},
        Case{"matmul %h @w %x over hid", "matmul: with no epilogue takes 2 operands, has 3"},
        Case{"matmul %i8 @w over hid",
             "matmul: multiplies floats, or i8 by i8; operands are i8 and bf16"},
        Case{"matmul %x @bytes over hid",
             "matmul: multiplies floats, or i8 by i8; operands are f32 and i8"},
        Case{"matmul %i %i over tok",
             "matmul: multiplies floats, or i8 by i8; operands are i32 and i32"},
        Case{"matmul %i8 @bytes over hid {out = bf16}",
             "matmul: sums of i8 are i32, which takes no attribute 'out'"},
        Case{"matmul %i8 @bytes %x over hid {epilogue = add}",
             "matmul: epilogue add takes sums of floats, operands are i8"},
        Case{"matmul %i8c %i8c over pos", "matmul: axis 'pos' must have a constant length, has C"},
        Case{"matmul @longer @longer over k",
             "matmul: sums of 131072 products of i8 need not fit i32; at most 131071 do"},
        Case{"matmul %h @w over hid q", "matmul: operand 0 has no axis 'q': bf16 tok[T] hid[8]"},
        Case{"matmul %xb @b over blk blk", "matmul: names axis 'blk' twice"},
        Case{"matmul %x @wk @kc over hid slot -> kv[2] dim[4] at %i %i {epilogue = append}",
             "matmul: names 2 axes, needs 3"},
        Case{"matmul %h @w over hid -> ff[9] {epilogue = silu_mul}",
             "matmul: epilogue silu_mul halves 16 columns, the result axis has 9"},
        Case{"matmul %h @w over hid -> ff[8]", "matmul: with no epilogue names no result axis"},
        Case{"matmul %h @w over hid {eps = 1}",
             "matmul: with no epilogue takes no attribute 'eps'"},
        Case{"matmul %h @w over hid {ring = 8}",
             "matmul: with no epilogue takes no attribute 'ring'"},
        Case{"matmul %h @w over hid at %i", "matmul: takes no operands behind `at`"},
        Case{"matmul %h @wk @head_norm %cos %cos over hid {epilogue = norm rope, eps = 1, style = "
             "half}",
             "matmul: epilogue norm rope needs one column axis and result axes"},
        Case{"matmul %h @wk @head_norm %cos %cos over hid -> kv[3] dim[4] {epilogue = norm rope, "
             "eps = 1, style = half}",
             "matmul: 8 columns cannot become 12"},
        Case{"matmul %h @wk @head_norm %cos %cos over hid -> kv[2] dim[4] {epilogue = norm rope, "
             "style = half}",
             "matmul: needs the attribute 'eps'"},
        Case{"matmul %h @wk @head_norm %cos %cos over hid -> kv[2] dim[4] {epilogue = norm rope, "
             "eps = 1}",
             "matmul: needs the attribute 'style'"},
        Case{"matmul %h @wk @norm %cos %cos over hid -> kv[2] dim[4] {epilogue = norm rope, eps = "
             "1, style = half}",
             "matmul: operand 2 must be f32 dim[4], is f32 hid[8]"},
        Case{"matmul %h @wk @head_norm %y %y over hid -> kv[2] dim[4] {epilogue = norm rope, eps = "
             "1, style = half}",
             "matmul: operand 3 must have one axis of at most 2 pairs, is f32 tok[T] hid[4]"},
        Case{"matmul %h @wk @kc over hid slot pos -> kv[2] dim[4] {epilogue = append}",
             "matmul: needs 3 operands before `at`"},
        Case{"matmul %h @wk @kc over hid -> kv[2] dim[4] at %i %i {epilogue = append}",
             "matmul: names 1 axes, needs 3"},
        Case{"matmul %h @wk @wk over hid slot pos -> kv[2] dim[4] at %i %i {epilogue = append}",
             "matmul: operand 2 must be a state"},
        Case{"matmul %h @wk @kc over hid slot pos -> dim[4] kv[2] at %i %i {epilogue = append}",
             "matmul: what is appended must be f32 tok[T] kv[2] dim[4], is f32 tok[T] dim[4] "
             "kv[2]"},
        Case{"matmul %h @wk @kc over hid slot pos -> kv[2] dim[4] at %i %i {epilogue = append, out "
             "= bf16}",
             "matmul: what is appended must be f32 tok[T] kv[2] dim[4], is bf16 tok[T] kv[2] "
             "dim[4]"},
        Case{"matmul %h @w @bk over hid {epilogue = bias}",
             "matmul: operand 2 must be f32 q[16], is f32 kd[8]"},
        Case{"keep %h %x %v", "keep: operand 0 must be f32, is bf16 tok[T] hid[8]"},
        Case{"keep %v %x %v", "keep: operand 1 has the axis 'hid', which f32 tok[T] lacks"},
        Case{"nth_largest %x %v over hid", "nth_largest: operand 1 must be i32, is f32 tok[T]"},
        Case{"nth_largest %v %i over tok",
             "nth_largest: operand 1 has the axis 'tok', which f32 lacks"},
        Case{"matmul %h @w %r0 @b over hid {epilogue = keep}",
             "matmul: operand 3 must be bf16 tok[T], is bf16 q[16]"},
        Case{"matmul %h @norm @b over hid {epilogue = bias}",
             "matmul: epilogue bias needs a column axis"},
        Case{"matmul %h @w %r0 @b over hid {epilogue = add bias}",
             "matmul: epilogue bias cannot follow add"},
        Case{"matmul %h @wk %cos %cos @head_norm over hid -> kv[2] dim[4] {epilogue = rope norm, "
             "eps = 1, style = half}",
             "matmul: epilogue norm cannot follow rope"},
        Case{"matmul %h @w @b @b over hid {epilogue = bias bias}",
             "matmul: epilogue bias cannot follow bias"},
        Case{"matmul %h @w @b over hid -> kv[2] dim[8] {epilogue = bias}",
             "matmul: with epilogue bias names no result axis"},
        Case{"matmul %h @wk @b %cos %cos over hid -> kv[2] dim[4] {epilogue = bias rope, style = "
             "half}",
             "matmul: operand 2 must be bf16 kd[8], is bf16 q[16]"},
        Case{"matmul %h @wk @bk %cos %cos over hid -> kv[2] dim[4] {epilogue = bias rope, eps = 1, "
             "style = half}",
             "matmul: with epilogue bias rope takes no attribute 'eps'"},
        Case{"matmul %h @w over hid {epilogue = norm_rope}",
             "'norm_rope' is no value for 'epilogue'"},
        Case{"matmul %h @w over hid {epilogue = norm silu}",
             "'norm silu' is no value for 'epilogue'"},
        Case{"matmul %h @w over hid {out = bf16 f16}", "expected '}', got 'f16'"},
        Case{"split %x hid -> a[3] b[3]", "split: 8 elements cannot become 9"},
        Case{"split %x tok -> a[2] b[2]", "split: axis 'tok' must have a constant length, has T"},
        Case{"merge %q rep kv -> h[4]",
             "merge: axis 'kv' does not follow in f32 tok[T] kv[2] rep[2] dim[4]"},
        Case{"slice %x hid 4..9 as a[5]", "slice: range 4..9 is not within 0..8"},
        Case{"slice %x hid 4..8 as a[5]", "slice: range of 4 elements cannot become 5"},
        Case{"concat %x %y hid -> wide[13]", "concat: joins 12 elements into wide[13]"},
        Case{"permute %x to hid", "permute: names 1 of 2 axes"},
        Case{"permute %x to hid hid",
             "permute: result would have axis 'hid' twice: f32 hid[8] "
             "hid[8]"},
        Case{"gather @w over q at %v", "gather: operand 1 must be i32 or i64, is f32 tok[T]"},
        Case{"rmsnorm %y @norm over hid {eps = 1}",
             "rmsnorm: operand 1 must be f32 hid[4], is f32 hid[8]"},
        Case{"rope %k %y %y over dim {style = half}",
             "rope: operand 1 must have one axis of at most 2 pairs, is f32 tok[T] hid[4]"},
        Case{"rope %x %v %v over hid {style = half}",
             "rope: operand 1 must have an axis of pairs, is f32 tok[T]"},
        Case{"append %k %k over tok dim at %i %i", "append: operand 0 must be a state"},
        Case{"append @kc %q over slot pos at %i %i",
             "append: operand 1 must be f32 tok[T] kv[2] dim[4], is f32 tok[T] kv[2] rep[2] "
             "dim[4]"},
        Case{"attention %q @kc @kc over slot pos dim at %i %i {scale = 1, window = 2}",
             "attention: 'window' narrows the mask causal, which is not given"},
        Case{"append @kc %k over slot pos at %i %i {ring = 8}",
             "append: a ring of 8 positions is not what operand 0 has, f32 slot[4] kv[2] pos[C] "
             "dim[4]"},
        Case{"attention %q @kc @kc over slot pos dim at %i %i {mask = causal, ring = 8, scale = 1, "
             "window = 2}",
             "attention: a ring of 8 positions is not what operand 1 has, f32 slot[4] kv[2] pos[C] "
             "dim[4]"},
        Case{"attention %q @round @round over slot pos dim at %i %i {mask = causal, ring = 8, "
             "scale = 1}",
             "attention: of a ring of 8 positions needs a 'window' of no more than these"},
        Case{"attention %q @round @round over slot pos dim at %i %i {mask = causal, ring = 8, "
             "scale = 1, window = 9}",
             "attention: of a ring of 8 positions needs a 'window' of no more than these"},
        Case{"offset %x", "offset: needs the attribute 'by'"},
        Case{"attention %q @kc @kc over slot pos dim at %i %i",
             "attention: needs the attribute 'scale'"},
        Case{"attention %q @kc @kc over slot slot dim at %i %i {scale = 1}",
             "attention: names axis 'slot' twice"},
        Case{"attention %q @ki @ki over slot pos dim at %i %i {scale = 1}",
             "attention: operand 1 must be of a float type, is i8 slot[4] kv[2] pos[C] dim[4]"},
        Case{"attention %q @ki @ki over slot pos dim at %i %i @ks {scale = 1}",
             "attention: needs scales of both the keys and the values"},
        Case{"attention %q @kc @ki over slot pos dim at %i %i @ks @ks {scale = 1}",
             "attention: operand 1 has scales and must be i8, is f32 slot[4] kv[2] pos[C] dim[4]"},
        Case{"attention %q @ki @ki over slot pos dim at %i %i @ks @kc {scale = 1}",
             "attention: operand 6 must be f32 slot[4] kv[2] pos[C], is f32 slot[4] kv[2] pos[C] "
             "dim[4]"},
        Case{"quantize_scale %i over tok",
             "quantize_scale: operand 0 must be of a float type, is i32 tok[T]"},
        Case{"quantize %v %x", "quantize: operand 0 has no axis 'hid': f32 tok[T]"},
        Case{"quantize %x %h", "quantize: operand 1 must be f32, is bf16 tok[T] hid[8]"},
        Case{"pack @norm over hid {tile = 8x4}", "pack: needs at least two axes: f32 hid[8]"},
        Case{"call @g %x", "call: operand 0 of @g must be f32 tok[T], is f32 tok[T] hid[8]"}));

TEST(InferTypeTest, TerminatorsHaveNoType) {
  Func func(nullptr, "f");
  Op* end = func.body.Append(Opcode::kReturn);
  end->SetOperands({func.AddParam("x", Type{})});
  EXPECT_EQ(InferType(*end).status().message(), "return: has no result");
}

TEST(InferTypeTest, ProductsOfExtentsThatOverflowAreErrors) {
  Func func(nullptr, "f");
  const Extent huge = Extent::Constant(int64_t{1} << 40);
  Op* merge = func.body.Append(Opcode::kMerge);
  merge->SetOperands({func.AddParam("x", Type{DType::kF32, {{"a", huge}, {"b", huge}}, {}})});
  merge->attrs.axes = {"a", "b"};
  merge->attrs.result_axes = {{"c", Extent::Constant(0)}};
  EXPECT_EQ(InferType(*merge).status().message(),
            "merge: cannot count the elements up to axis b[1099511627776]");
}

INSTANTIATE_TEST_SUITE_P(
    Encoders, InferTest,
    ::testing::Values(
        Case{"erf %x", "f32 tok[T] hid[8]"}, Case{"gelu_erf %h", "bf16 tok[T] hid[8]"},
        Case{"erf %i", "erf: operand 0 must be of a float type, is i32 tok[T]"},
        Case{"layernorm %x @norm @norm over hid {eps = 1e-05, out = bf16}", "bf16 tok[T] hid[8]"},
        Case{"layernorm %x @norm @head_norm over hid {eps = 1e-05}",
             "layernorm: operand 2 must be f32 hid[8], is f32 dim[4]"},
        Case{"rmsnorm_add %x @norm %x over hid {eps = 1e-05}", "f32 tok[T] hid[8]"},
        Case{"rmsnorm_add %x @norm @norm over hid {eps = 1e-05}",
             "rmsnorm_add: operand 2 must be f32 tok[T] hid[8], is f32 hid[8]"},
        Case{"rmsnorm_add %h @norm %x over hid {eps = 1e-05}",
             "rmsnorm_add: operand 0 must be f32"},
        Case{"layernorm %x @norm @norm over hid", "layernorm: needs the attribute 'eps'"},
        Case{"split %x tok -> key[T]", "f32 key[T] hid[8]"},
        Case{"split %x hid -> wide[8]", "f32 tok[T] wide[8]"},
        Case{"split %x tok -> key[C]", "split: tok[T] cannot become key[C]"},
        Case{"split %x hid -> wide[4]", "split: hid[8] cannot become wide[4]"},
        Case{"split %xb blk -> num[2]",
             "split: result would have axis 'num' twice: f32 tok[T] num[2] num[4]"},
        Case{"pad %xb over blk num {before = 1}", "f32 tok[T] blk[3] num[5]"},
        Case{"pad %xb over num {after = 2, before = 1}", "f32 tok[T] blk[2] num[7]"},
        Case{"pad %xb over num", "pad: needs the attribute 'before' or 'after'"},
        Case{"pad %xb over num num {after = 1}", "pad: names axis 'num' twice"},
        Case{"pad %xb over tok {after = 1}", "pad: axis 'tok' must have a constant length, has T"},
        Case{"window %x hid -> place[3] tap[3] {stride = 2}", "f32 tok[T] place[3] tap[3]"},
        Case{"window %x hid -> hid[3] tap[4] {stride = 2}", "f32 tok[T] hid[3] tap[4]"},
        Case{"window %x hid -> hid[4] tap[3] {stride = 2}",
             "window: 4 windows of 3 with a stride of 2 do not lie in hid[8]"},
        Case{"window %x hid -> hid[4] tap[3]", "window: needs the attribute 'stride'"},
        Case{"window %x hid -> hid[4] {stride = 1}",
             "window: needs two result axes: of the windows, and of one of them"},
        Case{"matmul %h @w over hid {epilogue = gelu_erf}", "f32 tok[T] q[16]"},
        Case{"matmul %h @w @b over hid {epilogue = bias gelu_erf, out = bf16}",
             "bf16 tok[T] q[16]"}));

}  // namespace
}  // namespace lluda::ir
