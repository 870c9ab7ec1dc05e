#include "ir/text/parser.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/op/all_epilogues.h"
#include "ir/text/printer.h"

namespace lluda::ir {
namespace {

using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string ParseError(absl::string_view text) {
  const auto module = ParseModule(text, "m.lluda");
  if (module.ok()) return "";
  EXPECT_EQ(module.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(module.status().message());
}

// A module whose function has the parameter %x: f32 tok[T] hid[8] and `body` from line 8 on.
std::string WithBody(absl::string_view body) {
  return absl::StrCat(R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm : f32 hid[8] from "norm"
  weight @layer_norm[layer < 2] : f32 hid[8] from "norm.{layer}"
  state @cache : f32 tok[T]
  func @f(%x: f32 tok[T] hid[8]) -> f32 tok[T] hid[8] {
)",
                      body, "\n  }\n}\n");
}

TEST(ParseModule, EveryStatementKnowsTheLineItIsIn) {
  const auto module = ParseModule(WithBody(R"(    %a = exp %x : f32 tok[T] hid[8]

    // a comment
    %b = for layer in 0..2 carry %c = %a {
      %d = rmsnorm %c @layer_norm[layer]
          over hid {eps = 1e-06} : f32 tok[T] hid[8]
      yield %d
    } : f32 tok[T] hid[8]
    return %b)"),
                                  "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<std::string> places;
  ForEachOp(**module, [&](const Op* op) { places.push_back(PlaceOf(*op)); });
  EXPECT_THAT(places,
              testing::ElementsAre("m.lluda:8: @f: %a", "m.lluda:11: @f: %b", "m.lluda:12: @f: %d",
                                   "m.lluda:14: @f: yield", "m.lluda:16: @f: return"));
}

class RoundTrip : public ::testing::TestWithParam<const char*> {};

TEST_P(RoundTrip, PrintingWhatWasParsedGivesTheSameText) {
  const std::string text = ReadFile(absl::StrCat("ir/testdata/", GetParam()));
  const auto module = ParseModule(text, GetParam());
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ(PrintModule(**module), text);
}

TEST(ParsePasses, AreKeptAndPrintedAndNoDifference) {
  const std::string text = absl::StrReplaceAll(
      ReadFile("ir/testdata/softmax.lluda"),
      {{"module @softmax {\n", "module @softmax {\n  passes cse, fuse-rope\n"}});
  const auto module = ParseModule(text, "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT((*module)->passes, ::testing::ElementsAre("cse", "fuse-rope"));
  EXPECT_EQ(PrintModule(**module), text);
  const auto plain = ParseModule(ReadFile("ir/testdata/softmax.lluda"), "m.lluda");
  EXPECT_EQ(PrintModule(**module, PrintStyle::kStructural),
            PrintModule(**plain, PrintStyle::kStructural));
}

TEST(ParsePasses, AListThatEndsInACommaIsAnError) {
  EXPECT_THAT(ParseError("lluda 1\nmodule @m {\n  passes cse,\n}\n"),
              HasSubstr("m.lluda:4:1: expected the name of a pass, got '}'"));
}

constexpr const char* kFiles[] = {"contraction.lluda", "epilogues.lluda",     "encoder.lluda",
                                  "largest.lluda",     "gelu.lluda",          "literal.lluda",
                                  "blocks.lluda",      "quantized.lluda",     "softmax.lluda",
                                  "toy.lluda",         "toy_optimized.lluda", "experts.lluda"};
INSTANTIATE_TEST_SUITE_P(Testdata, RoundTrip, ::testing::ValuesIn(kFiles));

TEST(ParserTest, TheRoundTripFilesHoldEveryEpilogue) {
  const auto module = ParseModule(ReadFile("ir/testdata/epilogues.lluda"), "epilogues.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  std::set<std::string> seen;
  ForEachOp(**module, [&](const Op* op) { seen.insert(op->attrs.epilogue.ToString()); });
  for (const Epilogue& epilogue : AllEpilogues()) {
    EXPECT_EQ(seen.count(epilogue.ToString()), 1u) << epilogue.ToString();
  }
}

TEST(ParserTest, TheRoundTripFilesHoldEveryOp) {
  std::set<absl::string_view> seen;
  for (const char* file : kFiles) {
    const auto module = ParseModule(ReadFile(absl::StrCat("ir/testdata/", file)), file);
    ASSERT_TRUE(module.ok()) << module.status();
    ForEachOp(**module, [&](const Op* op) { seen.insert(op->name()); });
  }
  for (const OpInfo& info : AllOps()) EXPECT_EQ(seen.count(info.name), 1u) << info.name;
}

TEST(ParserTest, CommentsAndSpacingDoNotMatter) {
  const std::string spaced = absl::StrReplaceAll(
      WithBody("%y = exp %x : f32 tok[T] hid[8] return %y"),
      {{" = ", "// = \n\t=\r\n"}, {"[8]", " [ 8 ] // } \" %"}, {"hid // ", "hid\n// "}});
  const auto module = ParseModule(absl::StrReplaceAll(spaced, {{"\" %", "\n"}}), "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(PrintModule(**module), HasSubstr("    %y = exp %x : f32 tok[T] hid[8]\n    return"));
}

TEST(ParserTest, AttributesAreSortedWhenPrinted) {
  const auto module = ParseModule(
      WithBody("%y = rmsnorm %x @norm over hid {out = f16, eps = 0.00001} : f16 tok[T] hid[8]"),
      "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(PrintModule(**module), HasSubstr("{eps = 1e-05, out = f16}"));
}

TEST(ParserTest, AFunctionCanCallALaterOne) {
  const auto module = ParseModule(R"(lluda 1
module @m {
  func @a(%x: f32 i[2]) -> f32 i[2] {
    %y = call @b %x : f32 i[2]
    return %y
  }
  func @b(%x: f32 i[2]) -> f32 i[2] {
    return %x
  }
})",
                                  "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ((*module)->funcs()[0]->body.ops().front()->callee, (*module)->FindFunc("b"));
}

TEST(ParserTest, LoadedGlobalsTakeTheirIndexFromTheLoop) {
  const auto module =
      ParseModule(ReadFile("ir/testdata/toy_optimized.lluda"), "toy_optimized.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  const Global* packed = (*module)->FindGlobal("wqkv");
  ASSERT_NE(packed, nullptr);
  EXPECT_EQ(packed->kind, Global::Kind::kLoaded);
  EXPECT_EQ(packed->index, (Index{"layer", 2}));
  EXPECT_EQ(ToString(packed->type), "bf16 qkv[32] hid[8] @panel(16x2, hid)");
  EXPECT_EQ((*module)->FindGlobal("frequency")->index, std::nullopt);
}

TEST(ParserTest, ALoopMayGoOnWithAGlobalWhereTheOneBeforeHasEnded) {
  const auto text = [](absl::string_view second) {
    return absl::StrCat(
        "lluda 1 module @m { weight @w[l < 5] : f32 a[4] load { for l in 0..2 { @x[l] = exp @w[l] "
        ": "
        "f32 a[4] } for l in ",
        second, " : f32 a[4] } } }");
  };
  const auto module = ParseModule(text("2..5 { @x[l] = exp @w[l]"), "m");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ((*module)->FindGlobal("x")->index, (Index{"l", 5}));
  EXPECT_EQ((*module)->globals().size(), 2u);
  const std::string printed = PrintModule(**module);
  const auto again = ParseModule(printed, "m");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(PrintModule(**again), printed);
  for (const char* second : {"3..5 { @x[l] = exp @w[l]", "1..5 { @x[l] = exp @w[l]",
                             "0..2 { @x[l] = exp @w[l]", "2..5 { @w[l] = exp @w[l]"}) {
    EXPECT_THAT(std::string(ParseModule(text(second), "m").status().message()),
                HasSubstr("is already declared"))
        << second;
  }
}

struct BadBody {
  const char* body;
  const char* message;
};

class BadBodies : public ::testing::TestWithParam<BadBody> {};

TEST_P(BadBodies, AreRefusedWithLineColumnAndReason) {
  EXPECT_EQ(ParseError(WithBody(GetParam().body)), absl::StrCat("m.lluda:", GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Statements, BadBodies,
    ::testing::Values(
        BadBody{"%y = rmsnrom %x @norm over hid : f32",
                "8:6: unknown op 'rmsnrom'; did you mean 'rmsnorm'?"},
        BadBody{"%y = frobnicate %x : f32", "8:6: unknown op 'frobnicate'"},
        BadBody{"%y = return %x : f32", "8:6: 'return' has no result"},
        BadBody{"%y = exp %nope : f32 tok[T] hid[8]", "8:10: unknown value %nope"},
        BadBody{"%y = add %x @nope : f32 tok[T] hid[8]", "8:13: unknown global @nope"},
        BadBody{"%y = call @nope %x : f32", "8:11: unknown function @nope"},
        BadBody{"%y = exp %x : f32 tok[U] hid[8]", "8:19: unknown symbol 'U'"},
        BadBody{"%y = exp %x : f99 tok[T] hid[8]", "8:15: unknown element type 'f99'"},
        BadBody{"%y = exp %x : f32 tok[T] hid[9]",
                "8:15: exp: the type is written as 'f32 tok[T] hid[9]' but inferred as 'f32 tok[T] "
                "hid[8]'"},
        BadBody{"%y = exp %x : f32 tok[T] tok[T]", "8:19: axis 'tok' appears twice"},
        BadBody{"%y = exp %x : f32 tok[0]", "8:19: axis 'tok' has 0 elements, needs at least 1"},
        BadBody{"%y = exp %x : f32 tok[9223372036854775808]",
                "8:23: the number 9223372036854775808 is too large"},
        BadBody{"%y = exp %x : f32 a[1048576] b[1048576] c[2]",
                "8:19: the axes up to 'c' hold more than 1099511627776 elements"},
        BadBody{"%y = exp %x : f32 tok[-1]", "8:23: expected the length of an axis, got '-1'"},
        BadBody{"%y = exp %x : f32 a[2] b[2] @panel(0x2, b)",
                "8:36: expected a tile such as 16x2, got '0x2'"},
        BadBody{"%y = exp %x : f32 a[2] b[2] @panel(16x2, c)",
                "8:15: no axis 'c' for the panel layout"},
        BadBody{"%y = exp %x : f32 a[2] b[2] @spiral(16x2, b)", "8:29: unknown layout '@spiral'"},
        BadBody{"%y = exp %x : f32 over[2]", "8:19: expected the name of an axis, got 'over'"},
        BadBody{"%x = exp %x : f32 tok[T] hid[8]", "8:1: %x is already defined in line 7"},
        BadBody{"%y = exp %x over hid : f32 tok[T] hid[8]", "8:13: expected ':', got 'over'"},
        BadBody{"%y = reduce_sum %x to hid : f32 tok[T]", "8:20: expected 'over', got 'to'"},
        BadBody{"%y = reduce_sum %x over hid -> a[2] : f32 tok[T]",
                "8:6: reduce_sum: takes no result axes"},
        BadBody{"%y = reduce_sum %x over : f32 tok[T]", "8:6: reduce_sum: names no axis"},
        BadBody{"%y = gather %x %x over hid : f32",
                "8:6: gather: needs 1 operands before `at`, got 2"},
        BadBody{"%y = gather %x over hid : f32", "8:25: expected 'at', got ':'"},
        BadBody{"%y = slice %x hid 4..2 as a[2] : f32",
                "8:6: slice: range 4..2 must run upwards from 0 or more"},
        BadBody{"%y = add %x %x %x : f32", "8:16: at most 2 operands fit here"},
        BadBody{"%y = add %x : f32", "8:6: add: takes 2 to 2 operands, has 1"},
        BadBody{"%y = rmsnorm %x @layer_norm over hid {eps = 1} : f32 tok[T] hid[8]",
                "8:17: @layer_norm needs an index: @layer_norm[layer]"},
        BadBody{"%y = rmsnorm %x @layer_norm[layer] over hid {eps = 1} : f32 tok[T] hid[8]",
                "8:17: index 'layer' is not known here"},
        BadBody{"%y = rmsnorm %x @norm[layer] over hid {eps = 1} : f32 tok[T] hid[8]",
                "8:17: @norm has no index, got [layer]"},
        BadBody{"%y = for layer in 0..3 carry %c = %x {\n"
                "%z = rmsnorm %c @layer_norm[layer] over hid {eps = 1} : f32 tok[T] hid[8] }",
                "9:17: @layer_norm has 2 copies, 'layer' runs up to 2"},
        BadBody{"%y = exp %x {eps = 1} : f32", "8:14: exp: has no attribute 'eps'"},
        BadBody{"%y = scale %x {by = 1, by = 2} : f32", "8:24: attribute 'by' is given twice"},
        BadBody{"%y = scale %x {by = bf16} : f32", "8:21: 'bf16' is no value for 'by'"},
        BadBody{"%y = scale %x {by = 1e999} : f32", "8:21: '1e999' is no value for 'by'"},
        BadBody{"%y = cast %x {out = f33} : f32", "8:21: 'f33' is no value for 'out'"},
        BadBody{"@y = exp %x : f32 tok[T] hid[8]", "8:1: only the load block can define a global"},
        BadBody{"for layer in 0..2 {}", "8:1: expected a statement, got 'for'"},
        BadBody{"%y = for layer in 0..2 {}", "8:24: expected 'carry', got '{'"},
        BadBody{"%y = for i in 0..2 carry %c = %x { yield %c } : f32 tok[T] hid[8] return %c",
                "8:74: %c is not visible here: it is defined in the loop around line 8"},
        BadBody{"%y = for i in 0..2 carry %c = %x { %z = for i in 0..2 carry %d = %x {} }",
                "8:45: index 'i' is already in use here"},
        BadBody{"%y = for i in 0..9000000 carry %c = %x {}",
                "8:10: index 'i' has the count 9000000, must be 1 to 1048576"},
        BadBody{"%y = exp %x : f32 tok[T] hid[8] in -4",
                "8:36: expected an offset in bytes, got '-4'"},
        BadBody{"%y = exp %x\x01", "8:12: unexpected character"},
        BadBody{"%y = exp %", "8:10: expected a name after '%' or '@'"}));

struct BadModule {
  const char* text;
  const char* message;
};

class BadModules : public ::testing::TestWithParam<BadModule> {};

TEST_P(BadModules, AreRefusedWithLineColumnAndReason) {
  EXPECT_EQ(ParseError(GetParam().text), absl::StrCat("m.lluda:", GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadModules,
    ::testing::Values(
        BadModule{"", "1:1: expected 'lluda', got the end of the file"},
        BadModule{"lluda 2 module @m {}", "1:7: this is no version 1 file"},
        BadModule{"lluda 1 module m {}", "1:16: expected the name of the module, got 'm'"},
        BadModule{"lluda 1 module @m {} x", "1:22: expected the end of the file, got 'x'"},
        BadModule{"lluda 1 module @m {\n  frob\n}",
                  "2:3: expected a declaration, `load`, `func` or '}', got 'frob'"},
        BadModule{"lluda 1 module @m { symbol T in 5..4 }",
                  "1:28: symbol 'T' has the range 5..4, must be within 0..1099511627776 and not be "
                  "empty"},
        BadModule{"lluda 1 module @m { symbol T in 1..2 symbol T in 1..2 }",
                  "1:45: symbol 'T' is already declared"},
        BadModule{"lluda 1 module @m { weight @w : f32 weight @w : f32 }",
                  "1:44: @w is already declared"},
        BadModule{"lluda 1 module @m { weight @w[layer < 0] : f32 }",
                  "1:30: index 'layer' has the count 0, must be 1 to 1048576"},
        BadModule{"lluda 1 module @m { weight @w : f32 from \"a\nb\" }",
                  "1:42: the string does not end on its line"},
        BadModule{"lluda 1 module @m { weight @w : f32 from \"\\q\" }",
                  "1:42: Unknown escape sequence: \\q"},
        BadModule{"lluda 1 module @m { func @f() -> f32 {",
                  "1:39: the body of @f in line 1 has no end"},
        BadModule{"lluda 1 module @m { func @f() -> f32 {} func @f() -> f32 {} }",
                  "1:46: function @f is already defined"},
        BadModule{"lluda 1 module @m { func @f(%a: f32, %a: f32) -> f32 {} }",
                  "1:38: %a is already a parameter"},
        BadModule{"lluda 1 module @m { weight @w : f32 a[2] load { @w = exp @w : f32 a[2] } }",
                  "1:49: @w is already declared"},
        BadModule{"lluda 1 module @m { weight @w : f32 a[2] load { for l in 0..2 { @v = exp @w : "
                  "f32 a[2] } } }",
                  "1:65: @v is defined in a loop and needs its index: @v[l]"}));

TEST(ParserTest, DeepNestingIsAnErrorAndNoStackOverflow) {
  std::string body;
  for (int i = 0; i < 50000; ++i) {
    absl::StrAppend(&body, "%y", i, " = for i", i, " in 0..1 carry %c", i, " = %x {\n");
  }
  EXPECT_THAT(ParseError(absl::StrCat(WithBody(body), std::string(50000, '}'))),
              HasSubstr("loops are nested too deep"));
}

TEST(ParserTest, OverlongTextsAndNamesAreErrors) {
  EXPECT_THAT(ParseError(std::string((4 << 20) + 1, ' ')), HasSubstr("at most 4194304 fit"));
  EXPECT_EQ(ParseError(absl::StrCat("lluda 1 module @", std::string(256, 'a'), " {}")),
            "m.lluda:1:16: the name is too long");
}

TEST(ParserTest, ThousandsOfUsesOfOneValueParseQuickly) {
  std::string body;
  for (int i = 0; i < 50000; ++i) {
    absl::StrAppend(&body, "%y", i, " = exp %x : f32 tok[T] hid[8]\n");
  }
  const auto module = ParseModule(WithBody(body), "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ((*module)->funcs()[0]->params()[0]->uses().size(), 50000u);
}

}  // namespace
}  // namespace lluda::ir
