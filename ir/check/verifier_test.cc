#include "ir/check/verifier.h"

#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Module> Parsed(absl::string_view text) {
  auto module = ParseModule(text, "m.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? *std::move(module) : nullptr;
}

std::unique_ptr<Module> Toy(absl::string_view file = "toy_optimized.lluda") {
  std::ifstream stream(absl::StrCat("ir/testdata/", file));
  std::stringstream text;
  text << stream.rdbuf();
  return Parsed(text.str());
}

std::string Fault(const Module& module) { return std::string(Verify(module).message()); }

std::string FaultOf(absl::string_view text) {
  const auto module = Parsed(text);
  return module == nullptr ? "does not parse" : Fault(*module);
}

// The statement that computes %`name` in @`func`.
Op* Find(Module& module, absl::string_view func, absl::string_view name) {
  Op* found = nullptr;
  ForEachOp(module.FindFunc(func)->body, [&](Op* op) {
    if (op->result() != nullptr && op->result()->name == name) found = op;
  });
  EXPECT_NE(found, nullptr) << name;
  return found;
}

TEST(VerifierTest, AcceptsTheImportedAndTheOptimizedToy) {
  for (const char* file :
       {"contraction.lluda", "toy.lluda", "toy_optimized.lluda", "softmax.lluda"}) {
    EXPECT_EQ(Verify(*Toy(file)), absl::OkStatus()) << file;
  }
}

TEST(VerifierTest, QuotesFunctionStatementAndBothTypes) {
  auto module = Toy();
  Find(*module, "mlp", "m")->result()->type.dtype = DType::kF16;
  EXPECT_EQ(Fault(*module),
            "func @mlp: %m = matmul %h @wgu[layer] over hid -> ff[12] {epilogue = silu_mul, out "
            "= bf16} : f16 tok[T] ff[12] in 0 by fuse-epilogue: the type is inferred as 'bf16 "
            "tok[T] ff[12]'");
}

TEST(VerifierTest, AValueMustBeDefinedBeforeItsUse) {
  auto module = Toy();
  Op* cos = Find(*module, "step", "cos");
  cos->parent()->MoveBefore(cos, Find(*module, "step", "angle"));
  EXPECT_THAT(Fault(*module), HasSubstr("operand 0 is not defined before"));
}

TEST(VerifierTest, AValueOfALoopIsOutOfSightBehindIt) {
  auto module = Toy();
  Find(*module, "step", "xr")->SetOperand(0, Find(*module, "step", "xm")->result());
  EXPECT_THAT(Fault(*module),
              HasSubstr("%xr = split %xm tok -> row[R] : f32 row[R] hid[8] by peel-last-layer: "
                        "operand 0 is not defined before, or not in sight"));
}

TEST(VerifierTest, AValueOfAnotherFunctionIsRefused) {
  auto module = Toy();
  Op* op = Find(*module, "mlp", "h");
  op->SetOperand(0, module->FindFunc("attn")->params()[0].get());
  EXPECT_THAT(Fault(*module), HasSubstr("operand 0 is not defined before"));
}

TEST(VerifierTest, ValueNamesAreUniqueAcrossLoopsToo) {
  auto module = Toy();
  Find(*module, "step", "xa")->result()->name = "pos";
  EXPECT_THAT(Fault(*module), HasSubstr("%pos is defined twice"));
}

TEST(VerifierTest, NamesMustBePrintable) {
  auto module = Toy();
  Find(*module, "step", "xa")->result()->name = "a b";
  EXPECT_THAT(Fault(*module), HasSubstr("'a b' is no name for a value"));
}

TEST(VerifierTest, OperandsMustBeComplete) {
  auto module = Toy();
  Find(*module, "step", "cos")->SetOperand(0, Operand());
  EXPECT_THAT(Fault(*module), HasSubstr("cos <nothing>"));
  EXPECT_THAT(Fault(*module), HasSubstr("operand 0 is neither a value nor a global"));
}

TEST(VerifierTest, AttributesOutsideTheOpsRowAreRefused) {
  auto module = Toy();
  Find(*module, "step", "cos")->attrs.eps = 1.0;
  EXPECT_THAT(Fault(*module), HasSubstr("cos: has no attribute 'eps'"));
}

TEST(VerifierTest, ClausePartsOutsideTheOpsFormAreRefused) {
  const struct {
    void (*change)(Op*);
    const char* message;
  } cases[] = {
      {[](Op* op) { op->attrs.axes = {"tok"}; }, "names axes, but has no clause"},
      {[](Op* op) { op->attrs.result_axes = {{"a", Extent::Constant(1)}}; }, "takes no result"},
      {[](Op* op) { op->attrs.end = 3; }, "takes no range"},
      {[](Op* op) { op->loop_index = "i"; }, "has the parts of a loop"},
      {[](Op* op) { op->callee_index = "i"; }, "has the parts of a call"},
      {[](Op* op) { op->body = std::make_unique<Block>(nullptr, nullptr, op); },
       "must not have a body"},
      {[](Op* op) { op->frame_offset = -8; }, "frame offset -8 is negative"},
      {[](Op* op) { op->by = "two words"; }, "'two words' is no name of a pass"},
  };
  for (const auto& c : cases) {
    auto module = Toy();
    c.change(Find(*module, "step", "cos"));
    EXPECT_THAT(Fault(*module), HasSubstr(c.message));
  }
}

TEST(VerifierTest, NumbersMustBeFinite) {
  auto module = Toy();
  Find(*module, "attn", "o0")->attrs.scale = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Fault(*module), HasSubstr("attention: an attribute is not finite"));
}

TEST(VerifierTest, AWindowHoldsATokenAndASoftcapIsPositive) {
  auto module = Toy();
  Op* attention = Find(*module, "attn", "o0");
  attention->attrs.window = 0;
  EXPECT_THAT(Fault(*module), HasSubstr("attention: 'window' must be at least 1, is 0"));
  attention->attrs.window = 1;
  EXPECT_EQ(Fault(*module), "");
  attention->attrs.softcap = -2;
  EXPECT_THAT(Fault(*module), HasSubstr("attention: 'softcap' must be positive, is -2"));
}

TEST(VerifierTest, ALoopOverMoreThanTheDeclaredCopiesIsRefused) {
  auto module = Toy();
  Find(*module, "step", "xn")->attrs.end = 3;
  EXPECT_THAT(Fault(*module), HasSubstr("@attn has 2 copies, 'layer' runs up to 2"));
}

TEST(VerifierTest, AnIndexMustBeInScope) {
  auto module = Toy();
  module->FindFunc("mlp")->index = Index{"block", 2};
  EXPECT_THAT(Fault(*module), HasSubstr("index 'layer' is not known here"));
}

TEST(VerifierTest, GlobalsOfAnotherModuleAreRefused) {
  auto module = Toy();
  auto other = Toy();
  Find(*module, "step", "angle")->SetOperand(1, Operand(other->FindGlobal("frequency")));
  EXPECT_THAT(Fault(*module), HasSubstr("reads a global of another module"));
}

TEST(VerifierTest, AStateIsAppendedToOncePerFunction) {
  auto module = Toy();
  Op* append = Find(*module, "attn", "vs");
  append->SetOperand(0, Operand(module->FindGlobal("k_cache"), "layer"));
  append->result()->type = module->FindGlobal("k_cache")->type;
  EXPECT_THAT(Fault(*module), HasSubstr("is the second append to @k_cache in this function"));
}

// A matmul that appends to @s, and what follows it.
std::string Appending(absl::string_view statement) {
  return absl::StrCat(R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : f32 n[4] k[4]
  state @s : f32 slot[2] pos[8] n[4]
  func @f(%x: f32 tok[T] k[4], %at: i32 tok[T]) -> f32 tok[T] pos[8] n[4] {
    %a = matmul %x @w @s over k slot pos -> n[4] at %at %at {epilogue = append} : f32 slot[2] pos[8] n[4]
    )",
                      statement, R"(
    return %y
  }
})");
}

TEST(VerifierTest, AMatmulThatAppendsCountsAsAnAppend) {
  const absl::string_view gather = "%y = gather %a over slot at %at : f32 tok[T] pos[8] n[4]";
  EXPECT_EQ(FaultOf(Appending(gather)), "");
  EXPECT_THAT(FaultOf(Appending("%y = gather @s over slot at %at : f32 tok[T] pos[8] n[4]")),
              HasSubstr("reads @s after the append to it"));
  EXPECT_THAT(
      FaultOf(Appending(absl::StrCat(
          "%b = matmul %x @w @s over k slot pos -> n[4] at %at %at {epilogue = append} : f32 "
          "slot[2] pos[8] n[4]\n",
          gather))),
      HasSubstr("is the second append to @s in this function"));
}

TEST(VerifierTest, AStateIsNotReadAfterTheAppend) {
  auto module = Toy();
  Find(*module, "attn", "o0")->SetOperand(1, Operand(module->FindGlobal("k_cache"), "layer"));
  EXPECT_THAT(Fault(*module), HasSubstr("reads @k_cache after the append to it"));
}

TEST(VerifierTest, AnAppendInALoopNeedsTheLoopsIndex) {
  EXPECT_THAT(FaultOf(R"(lluda 1
module @m {
  symbol T in 1..8
  state @s : f32 slot[2] pos[4]
  func @f(%x: f32 tok[T], %at: i32 tok[T]) -> f32 tok[T] {
    %y = for i in 0..2 carry %c = %x {
      %a = append @s %c over slot pos at %at %at : f32 slot[2] pos[4]
      yield %c
    } : f32 tok[T]
    return %y
  }
})"),
              HasSubstr("runs once per 'i' but appends to the same state"));
}

TEST(VerifierTest, BodiesEndInAFittingTerminator) {
  auto module = Toy();
  Block& body = module->FindFunc("mlp")->body;
  body.Erase(body.terminator());
  EXPECT_EQ(Fault(*module), "func @mlp: does not end in a return");
  body.Append(Opcode::kReturn)->SetOperands({Find(*module, "mlp", "h")->result()});
  EXPECT_THAT(Fault(*module),
              HasSubstr("return %h: must be of type 'f32 tok[T] hid[8]', is 'bf16"));

  auto loop = Toy();
  Block* inner = Find(*loop, "step", "xa")->parent();
  inner->Erase(inner->terminator());
  EXPECT_EQ(Fault(*loop),
            "func @step: %xn = for layer in 0..1 carry %x = %x1 {: does not end in a yield");
}

TEST(VerifierTest, NothingFollowsAReturn) {
  auto module = Toy();
  Op* x = Find(*module, "mlp", "h");
  Block& body = module->FindFunc("mlp")->body;
  body.InsertBefore(x, Opcode::kReturn)->SetOperands({module->FindFunc("mlp")->params()[0].get()});
  EXPECT_THAT(Fault(*module), HasSubstr("return %x: statements follow"));
}

constexpr const char* kLoad = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w[layer < 2] : f32 a[4] from "w.{layer}"
  state @s : f32 a[T]
  load {
    BODY
  }
})";

TEST(VerifierTest, TheLoadBlockKeepsToItsRules) {
  const struct {
    const char* body;
    const char* message;
  } cases[] = {
      {"%x = exp @s : f32 a[T]", "load: %x = exp @s : f32 a[T]: the load block cannot use"},
      {"for layer in 1..2 { @x[layer] = exp @w[layer] : f32 a[4] }",
       "the loop does not run over all of @x, 0..2"},
      {"%i = iota -> a[T] {step = 1} : f32 a[T]", "the load block knows no symbols: a[T]"},
      {"for layer in 0..2 { %x = exp @w[layer] : f32 a[4] return %x }", "returns and yields"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(FaultOf(absl::StrReplaceAll(kLoad, {{"BODY", c.body}})), HasSubstr(c.message));
  }
}

// Loops that define @x over these ranges, and after the one number `reader` something that reads
// it.
std::string InParts(const std::vector<std::string>& ranges, size_t reader = 99,
                    const std::string& read = "0..5") {
  std::string body;
  for (size_t i = 0; i < ranges.size(); ++i) {
    absl::StrAppend(&body, "for l in ", ranges[i], " { @x[l] = exp @w[l] : f32 a[4] }\n");
    if (i == reader) {
      absl::StrAppend(&body, "for l in ", read, " { @y[l] = exp @x[l] : f32 a[4] }\n");
    }
  }
  return absl::StrCat("lluda 1 module @m { weight @w[l < 5] : f32 a[4] from \"w.{l}\" load {", body,
                      "} }");
}

TEST(VerifierTest, LoopsMayDefineTheRowsOfAGlobalInParts) {
  EXPECT_EQ(FaultOf(InParts({"0..2", "2..3", "3..5"})), "");
  EXPECT_EQ(FaultOf(InParts({"0..2", "2..5"}, 1)), "");
  EXPECT_EQ(FaultOf(InParts({"0..2", "2..5"}, 0, "0..2")), "");
}

TEST(VerifierTest, PartsThatLeaveOutOrRepeatRowsAreRefused) {
  const auto fault_of = [](size_t part, int64_t begin, int64_t end) {
    auto module = Parsed(InParts({"0..2", "2..5"}));
    auto loop = std::next(module->load.ops().begin(), static_cast<int64_t>(part));
    (*loop)->attrs.begin = begin;
    (*loop)->attrs.end = end;
    return Fault(*module);
  };
  EXPECT_EQ(fault_of(1, 2, 5), "");
  EXPECT_THAT(fault_of(1, 3, 5), HasSubstr("the loop does not run over all of @x, 0..5"));
  EXPECT_THAT(fault_of(0, 1, 2), HasSubstr("the loop does not run over all of @x, 0..5"));
  EXPECT_THAT(fault_of(1, 1, 5), HasSubstr("@x is defined twice"));
  auto early = Parsed(InParts({"0..2", "2..5"}, 1));
  early->load.MoveBefore(early->load.ops().back().get(),
                         std::next(early->load.ops().begin())->get());
  EXPECT_THAT(Fault(*early), HasSubstr("@x is not defined before"));
  EXPECT_EQ(fault_of(1, 2, 4), "loaded global @x: the load block defines rows 0..4 of 0..5");
}

TEST(VerifierTest, LoadedGlobalsAreDefinedOnceAndBeforeUse) {
  auto module = Toy();
  Global orphan;
  orphan.kind = Global::Kind::kLoaded;
  orphan.name = "orphan";
  module->AddGlobal(orphan);
  EXPECT_EQ(Fault(*module), "loaded global @orphan: the load block does not define it");

  auto twice = Toy();
  Op* last = twice->load.ops().back().get();
  last->defined_global = twice->FindGlobal("frequency");
  EXPECT_THAT(Fault(*twice), HasSubstr("@frequency is defined twice"));

  auto early = Toy();
  Op* first = early->load.ops().front().get();
  first->body->ops().front()->SetOperand(0, Operand(early->FindGlobal("wo_p"), "layer"));
  EXPECT_THAT(Fault(*early), HasSubstr("@wo_p is not defined before"));
}

TEST(VerifierTest, OnlyTheLoadBlockDefinesGlobals) {
  auto module = Toy();
  Func* func = module->FindFunc("mlp");
  Op* op = func->body.InsertBefore(func->body.terminator(), Opcode::kExp);
  op->SetOperands({func->params()[0].get()});
  op->defined_global = module->FindGlobal("embed_p");
  EXPECT_THAT(Fault(*module), HasSubstr("only the load block can define a global"));
}

TEST(VerifierTest, CallsMustNotFormACycle) {
  EXPECT_EQ(FaultOf(R"(lluda 1
module @m {
  func @a(%x: f32 i[2]) -> f32 i[2] {
    %y = call @b %x : f32 i[2]
    return %y
  }
  func @b(%x: f32 i[2]) -> f32 i[2] {
    %y = call @b %x : f32 i[2]
    return %y
  }
})"),
            "functions call themselves: @b -> @b");
}

TEST(VerifierTest, DeclarationsAreChecked) {
  const struct {
    void (*change)(Module*);
    const char* message;
  } cases[] = {
      {[](Module* m) { m->name = "a/b"; }, "'a/b' is no name for a module"},
      {[](Module* m) { m->symbols.push_back(m->symbols[0]); }, "symbol 'T' is declared twice"},
      {[](Module* m) { m->symbols[0].min = 99; }, "symbol 'T' has the range 99..16"},
      {[](Module* m) { m->symbols.erase(m->symbols.begin() + 3); },
       "state @k_cache: unknown symbol 'C'"},
      {[](Module* m) { m->globals()[1]->name = "embed"; },
       "weight @embed: the name is declared twice"},
      {[](Module* m) { m->FindGlobal("embed")->type.axes[0].extent = Extent::Symbol("T"); },
       "weight @embed: only a state's axes can have a symbol's length: bf16 vocab[T] hid[8]"},
      {[](Module* m) { m->FindGlobal("wq")->source = "wq"; },
       "weight @wq: the source \"wq\" has no {layer}"},
      {[](Module* m) { m->FindGlobal("wq")->source = "wq.{layer: 0 2 4}"; },
       "weight @wq: the source \"wq.{layer: 0 2 4}\" lists 3 numbers for 2 copies"},
      {[](Module* m) { m->FindGlobal("wq")->source = "wq.{layer: 0 x}"; },
       "weight @wq: the source \"wq.{layer: 0 x}\" has no {layer}"},
      {[](Module* m) { m->FindGlobal("wq")->index->count = 0; },
       "weight @wq: index 'layer' has the count 0, must be 1 to 1048576"},
      {[](Module* m) { m->FindGlobal("k_cache")->source = "k"; },
       "state @k_cache: only a weight has a source"},
      {[](Module* m) { m->FindGlobal("k_cache")->type.layout.depth = 0; },
       "state @k_cache: panel of 16x0, each must be 1 to 256"},
      {[](Module* m) { m->FindFunc("mlp")->name = "attn"; },
       "func @attn: the name is defined twice"},
      {[](Module* m) { m->FindFunc("mlp")->result_type.axes[0].name = "hid"; },
       "func @mlp: result: axis 'hid' appears twice"},
  };
  for (const auto& c : cases) {
    auto module = Toy();
    c.change(module.get());
    EXPECT_THAT(Fault(*module), HasSubstr(c.message));
  }
}

TEST(VerifierTest, OutMustBeAFloatTypeExceptForCasts) {
  auto module = Toy();
  Op* op = Find(*module, "mlp", "m");
  op->attrs.out = op->result()->type.dtype = DType::kI32;
  EXPECT_THAT(Fault(*module), HasSubstr("matmul: 'out' must be a float type, is i32"));
}

}  // namespace
}  // namespace lluda::ir
