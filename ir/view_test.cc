#include "ir/view.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;

std::string Text(const Stride& stride) {
  std::string text = absl::StrCat(stride.factor);
  for (const std::string& symbol : stride.symbols) absl::StrAppend(&text, "*", symbol);
  return text;
}

// "dim[4]:1" for each axis.
std::vector<std::string> Text(const std::vector<StridedAxis>& axes) {
  std::vector<std::string> text;
  for (const StridedAxis& strided : axes) {
    text.push_back(absl::StrCat(ToString(strided.axis), ":", Text(strided.stride)));
  }
  return text;
}

// A function @f over %x with this body, and its values by name.
class Function {
 public:
  Function(const std::string& x_type, const std::string& body, const std::string& result_type,
           const std::string& declarations = "") {
    auto module = ParseModule(
        absl::StrCat("lluda 1\nmodule @test {\n  symbol S in 1..4\n  symbol T in 1..64\n",
                     declarations, "  func @f(%x: ", x_type, ") -> ", result_type, " {\n", body,
                     "\n  }\n}\n"),
        "test");
    EXPECT_TRUE(module.ok()) << module.status();
    if (module.ok()) module_ = *std::move(module);
  }

  const Op& Find(const std::string& name) const {
    const Op* found = nullptr;
    ForEachOp(module_->FindFunc("f")->body, [&](const Op* op) {
      if (op->result() != nullptr && op->result()->name == name) found = op;
    });
    return *found;
  }
  Access Resolve(const std::string& name) const { return ResolveAccess(Find(name).result()); }
  const Value* x() const { return module_->FindFunc("f")->params()[0].get(); }
  const Global* FindGlobal(const std::string& name) const { return module_->FindGlobal(name); }

 private:
  std::unique_ptr<Module> module_;
};

TEST(RowMajorAxes, CountFromTheLastAxis) {
  const Type type{
      DType::kF32,
      {{"a", Extent::Constant(2)}, {"b", Extent::Constant(3)}, {"c", Extent::Constant(5)}},
      {}};
  EXPECT_THAT(Text(RowMajorAxes(type)), ElementsAre("a[2]:15", "b[3]:5", "c[5]:1"));
}

TEST(RowMajorAxes, MultiplySymbolsInSortedOrder) {
  const Type type{DType::kF32,
                  {{"a", Extent::Constant(2)},
                   {"s", Extent::Symbol("T")},
                   {"t", Extent::Symbol("S")},
                   {"c", Extent::Constant(5)}},
                  {}};
  EXPECT_THAT(Text(RowMajorAxes(type)), ElementsAre("a[2]:5*S*T", "s[T]:5*S", "t[S]:5", "c[5]:1"));
}

TEST(ResolveAccess, OfAnOpThatIsNoViewIsItsOwnBuffer) {
  const Function f("f32 tok[T] x[6]", "%a = exp %x : f32 tok[T] x[6]\nreturn %a",
                   "f32 tok[T] x[6]");
  EXPECT_FALSE(IsView(f.Find("a")));
  const Access access = f.Resolve("a");
  EXPECT_EQ(access.base.value, f.Find("a").result());
  EXPECT_EQ(access.offset, 0);
  EXPECT_THAT(Text(access.axes), ElementsAre("tok[T]:6", "x[6]:1"));
}

TEST(ResolveAccess, FollowsASplitRowMajor) {
  const Function f("f32 tok[T] q[24]",
                   "%a = split %x q -> kv[2] rep[3] dim[4] : f32 tok[T] kv[2] rep[3] dim[4]\n"
                   "return %a",
                   "f32 tok[T] kv[2] rep[3] dim[4]");
  EXPECT_TRUE(IsView(f.Find("a")));
  const Access access = f.Resolve("a");
  EXPECT_EQ(access.base.value, f.x());
  EXPECT_THAT(Text(access.axes), ElementsAre("tok[T]:24", "kv[2]:12", "rep[3]:4", "dim[4]:1"));
}

TEST(ResolveAccess, OfASliceStartsBehindTheElementsLeftOut) {
  const Function f("f32 tok[T] qkv[40]",
                   "%a = slice %x qkv 16..40 as kv[2] dim[12] : f32 tok[T] kv[2] dim[12]\n"
                   "%b = slice %a dim 6..12 as pair[6] : f32 tok[T] kv[2] pair[6]\n"
                   "%c = slice %b kv 1..2 as one[1] : f32 tok[T] one[1] pair[6]\n"
                   "return %c",
                   "f32 tok[T] one[1] pair[6]");
  EXPECT_EQ(f.Resolve("a").offset, 16);
  EXPECT_THAT(Text(f.Resolve("a").axes), ElementsAre("tok[T]:40", "kv[2]:12", "dim[12]:1"));
  EXPECT_EQ(f.Resolve("b").offset, 16 + 6);
  EXPECT_THAT(Text(f.Resolve("b").axes), ElementsAre("tok[T]:40", "kv[2]:12", "pair[6]:1"));
  EXPECT_EQ(f.Resolve("c").offset, 16 + 6 + 12);
  EXPECT_EQ(f.Resolve("c").base.value, f.x());
}

TEST(ResolveAccess, OfAPermuteReordersTheStrides) {
  const Function f("f32 a[2] b[3] c[5]",
                   "%p = permute %x to c a b : f32 c[5] a[2] b[3]\n"
                   "%q = permute %p to b c a : f32 b[3] c[5] a[2]\n"
                   "%s = split %q c -> c1[5] c2[1] : f32 b[3] c1[5] c2[1] a[2]\n"
                   "return %s",
                   "f32 b[3] c1[5] c2[1] a[2]");
  EXPECT_THAT(Text(f.Resolve("p").axes), ElementsAre("c[5]:1", "a[2]:15", "b[3]:5"));
  EXPECT_THAT(Text(f.Resolve("q").axes), ElementsAre("b[3]:5", "c[5]:1", "a[2]:15"));
  EXPECT_THAT(Text(f.Resolve("s").axes), ElementsAre("b[3]:5", "c1[5]:1", "c2[1]:1", "a[2]:15"));
}

TEST(ResolveAccess, MergesNeighboursThatLieBehindEachOther) {
  const Function f("f32 tok[T] kv[2] rep[3] dim[4]",
                   "%a = merge %x kv rep -> head[6] : f32 tok[T] head[6] dim[4]\n"
                   "%b = merge %a head dim -> q[24] : f32 tok[T] q[24]\n"
                   "return %b",
                   "f32 tok[T] q[24]");
  EXPECT_TRUE(IsView(f.Find("a")));
  EXPECT_THAT(Text(f.Resolve("a").axes), ElementsAre("tok[T]:24", "head[6]:4", "dim[4]:1"));
  EXPECT_TRUE(IsView(f.Find("b")));
  EXPECT_THAT(Text(f.Resolve("b").axes), ElementsAre("tok[T]:24", "q[24]:1"));
}

TEST(ResolveAccess, UndoesASplitByAMergeOfAPartOfTheRow) {
  const Function f("f32 tok[T] qkv[40]",
                   "%a = slice %x qkv 16..40 as kv[2] dim[12] : f32 tok[T] kv[2] dim[12]\n"
                   "%b = merge %a kv dim -> q[24] : f32 tok[T] q[24]\n"
                   "return %b",
                   "f32 tok[T] q[24]");
  EXPECT_TRUE(IsView(f.Find("b")));
  EXPECT_EQ(f.Resolve("b").offset, 16);
  EXPECT_THAT(Text(f.Resolve("b").axes), ElementsAre("tok[T]:40", "q[24]:1"));
}

TEST(IsView, IsFalseForAMergeAcrossAGap) {
  const Function f("f32 tok[T] kv[2] dim[12]",
                   "%a = slice %x dim 0..6 as pair[6] : f32 tok[T] kv[2] pair[6]\n"
                   "%b = merge %a kv pair -> q[12] : f32 tok[T] q[12]\n"
                   "%c = split %b q -> u[3] v[4] : f32 tok[T] u[3] v[4]\n"
                   "return %c",
                   "f32 tok[T] u[3] v[4]");
  EXPECT_TRUE(IsView(f.Find("a")));
  EXPECT_FALSE(IsView(f.Find("b")));
  // What follows is a view of the copy.
  EXPECT_TRUE(IsView(f.Find("c")));
  EXPECT_EQ(f.Resolve("c").base.value, f.Find("b").result());
  EXPECT_THAT(Text(f.Resolve("c").axes), ElementsAre("tok[T]:12", "u[3]:4", "v[4]:1"));
}

TEST(IsView, IsFalseForAMergeOfSwappedAxes) {
  const Function f("f32 a[2] b[3]",
                   "%p = permute %x to b a : f32 b[3] a[2]\n"
                   "%m = merge %p b a -> c[6] : f32 c[6]\n"
                   "return %m",
                   "f32 c[6]");
  EXPECT_TRUE(IsView(f.Find("p")));
  EXPECT_FALSE(IsView(f.Find("m")));
}

TEST(ResolveAccess, KeepsSymbolicStridesThroughAPermute) {
  const Function f("f32 a[2] t[T] s[S] d[8]",
                   "%p = permute %x to s a d t : f32 s[S] a[2] d[8] t[T]\n"
                   "%h = slice %p d 2..6 as e[2] g[2] : f32 s[S] a[2] e[2] g[2] t[T]\n"
                   "return %h",
                   "f32 s[S] a[2] e[2] g[2] t[T]");
  const Access access = f.Resolve("h");
  EXPECT_EQ(access.offset, 2);
  EXPECT_THAT(Text(access.axes),
              ElementsAre("s[S]:8", "a[2]:8*S*T", "e[2]:2", "g[2]:1", "t[T]:8*S"));
}

TEST(IsView, IsFalseForASliceWhoseStartIsNoConstantOffset) {
  const Function f("f32 a[4] t[T]",
                   "%h = slice %x a 2..4 as b[2] : f32 b[2] t[T]\n"
                   "return %h",
                   "f32 b[2] t[T]");
  EXPECT_FALSE(IsView(f.Find("h")));
  EXPECT_EQ(f.Resolve("h").base.value, f.Find("h").result());
}

TEST(ResolveAccess, OfAGlobalNamesItAndItsIndex) {
  const Function f("f32 tok[T] k[6]",
                   "%p = permute @w to k n : f32 k[6] n[4]\n"
                   "%r = matmul %x %p over k : f32 tok[T] n[4]\n"
                   "return %r",
                   "f32 tok[T] n[4]", "  weight @w : f32 n[4] k[6] from \"w\"\n");
  const Access access = ResolveAccess(f.Find("r").operand(1));
  EXPECT_EQ(access.base.global, f.FindGlobal("w"));
  EXPECT_EQ(access.base.value, nullptr);
  EXPECT_THAT(Text(access.axes), ElementsAre("k[6]:1", "n[4]:6"));
}

TEST(IsView, IsFalseForAnythingMadeOfPanels) {
  const Function f("f32 tok[T] k[6]",
                   "%p = permute @p to k n : f32 k[6] n[32] @panel(16x1, k)\n"
                   "%r = matmul %x %p over k : f32 tok[T] n[32]\n"
                   "return %r",
                   "f32 tok[T] n[32]",
                   "  weight @w : f32 n[32] k[6] from \"w\"\n"
                   "  load {\n    @p = pack @w over k {tile = 16x1} : f32 n[32] k[6] "
                   "@panel(16x1, k)\n  }\n");
  EXPECT_FALSE(IsView(f.Find("p")));
  const Access packed = ResolveAccess(f.Find("p").operand(0));
  EXPECT_TRUE(packed.layout.is_panel());
  EXPECT_EQ(packed.base.global, f.FindGlobal("p"));
}

TEST(Access, FindsAnAxisByName) {
  const Function f("f32 tok[T] q[24]", "%a = exp %x : f32 tok[T] q[24]\nreturn %a",
                   "f32 tok[T] q[24]");
  const Access access = f.Resolve("a");
  ASSERT_NE(access.Find("tok"), nullptr);
  EXPECT_TRUE(access.Find("tok")->stride.IsConstant(24));
  EXPECT_FALSE(access.Find("tok")->stride.IsConstant(1));
  EXPECT_EQ(access.Find("row"), nullptr);
}

TEST(ResolveAccess, WindowsOverlapByTheirStride) {
  const Function f("f32 time[7] ch[5]",
                   "%w = window %x time -> time[3] kt[3] {stride = 2} : f32 time[3] kt[3] ch[5]\n"
                   "%e = exp %w : f32 time[3] kt[3] ch[5]\nreturn %e",
                   "f32 time[3] kt[3] ch[5]");
  EXPECT_TRUE(IsView(f.Find("w")));
  EXPECT_EQ(f.Resolve("w").base.value, f.x());
  EXPECT_THAT(Text(f.Resolve("w").axes), ElementsAre("time[3]:10", "kt[3]:5", "ch[5]:1"));
}

TEST(ResolveAccess, AnAxisOfASymbolsLengthMayHaveAnotherName) {
  const Function f("f32 tok[T] dim[5]",
                   "%k = split %x tok -> key[T] : f32 key[T] dim[5]\n"
                   "%e = exp %k : f32 key[T] dim[5]\nreturn %e",
                   "f32 key[T] dim[5]");
  EXPECT_TRUE(IsView(f.Find("k")));
  EXPECT_THAT(Text(f.Resolve("k").axes), ElementsAre("key[T]:5", "dim[5]:1"));
}

}  // namespace
}  // namespace lluda::ir
