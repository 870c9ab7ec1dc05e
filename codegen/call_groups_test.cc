// Which calls become one, with a back end that groups whatever it is asked for.
#include "codegen/call_groups.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using runtime::BufferRef;
using runtime::Call;
using runtime::Space;
using ::testing::ElementsAre;

class Grouping : public Backend {
 public:
  std::string Name() const override { return "grouping"; }
  std::string Version() const override { return ""; }
  KernelSpec SpecOf(const ir::Op& op) const override { return codegen::SpecOf(op); }
  std::optional<Many> ManyRows(const KernelSpec& spec) const override {
    return spec.group.empty() ? std::nullopt : std::make_optional(Many{"T", 64});
  }
  bool MayGroup(const KernelSpec* norm, const std::vector<KernelSpec>& specs) const override {
    if (norm != nullptr && norm->opcode != ir::Opcode::kRmsnorm) return false;
    return specs[0].opcode == ir::Opcode::kMatmul;
  }
  absl::StatusOr<KernelInfo> Emit(const KernelSpec& spec, const std::string&) override {
    KernelInfo info;
    info.work_axes = {{"rows", ir::Extent::Constant(spec.many ? 2 : 1)}};
    return info;
  }
  void AddObject(const std::string&, std::string) override {}
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Finish(const std::vector<std::string>&,
                                                        const ObjectListener&) override {
    return absl::UnimplementedError("");
  }
};

BufferRef At(int64_t offset) { return {Space::kFrame, 0, offset}; }

class CallGroupsTest : public testing::Test {
 protected:
  CallGroupsTest() : kernels_(&backend_, {"T"}) {}

  // A call that reads from the first of these places, and writes 8 bytes to the last.
  void Add(ir::Opcode opcode, const std::vector<int64_t>& places, bool joins_previous = false,
           int64_t readers = 1) {
    KernelSpec spec{opcode, {}, {TensorSpec(), TensorSpec()}, {}};
    Call call;
    call.kernel = *kernels_.Add(spec);
    call.joins_previous = joins_previous;
    call.site = {"f", 0, absl::StrCat("s", calls_.size())};
    std::vector<MemoryUse> uses;
    for (size_t i = 0; i < places.size(); ++i) {
      call.buffers.push_back(At(places[i]));
      uses.push_back({At(places[i]), 8, i + 1 == places.size()});
    }
    calls_.push_back(call);
    uses_.push_back({uses, readers});
  }
  void Group() { ASSERT_EQ(GroupCalls(uses_, &kernels_, &calls_), absl::OkStatus()); }

  Grouping backend_;
  KernelSet kernels_;
  std::vector<Call> calls_;
  std::vector<CallUses> uses_;
};

TEST_F(CallGroupsTest, ANormAndItsReadersAreOneCallOfFewRows) {
  Add(ir::Opcode::kRmsnorm, {0, 8}, false, /*readers=*/2);
  Add(ir::Opcode::kMatmul, {8, 16});
  Add(ir::Opcode::kMatmul, {8, 24}, true);
  Group();
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[0].only_symbol, 0);
  EXPECT_EQ(calls_[0].only_above, 64) << "the norm is for steps of many rows";
  EXPECT_THAT(calls_[1].buffers, ElementsAre(At(0), At(8), At(8), At(16), At(8), At(24)));
  EXPECT_TRUE(calls_[0].parts.empty());
  using Part = runtime::CallPart;
  EXPECT_THAT(calls_[1].parts, ElementsAre(Part{{"f", 0, "s0"}, 2}, Part{{"f", 0, "s1"}, 2},
                                           Part{{"f", 0, "s2"}, 2}));
  EXPECT_EQ(calls_[1].site.statement, "s1");
  const runtime::Kernel& kernel = kernels_.kernels()[calls_[1].kernel];
  EXPECT_EQ(kernel.many_symbol, 0);
  EXPECT_EQ(kernel.many_above, 64);
  EXPECT_NE(kernels_.kernels()[kernel.many].name, kernel.name);
}

TEST_F(CallGroupsTest, ANormThatIsReadLaterStaysAlone) {
  Add(ir::Opcode::kRmsnorm, {0, 8}, false, /*readers=*/2);
  Add(ir::Opcode::kMatmul, {8, 16});
  Add(ir::Opcode::kSilu, {8, 24});
  Group();
  EXPECT_EQ(calls_.size(), 3u);
  EXPECT_EQ(calls_[0].only_symbol, -1);
}

TEST_F(CallGroupsTest, ANormIsNotComputedAgainFromWhatItsReaderOverwrites) {
  Add(ir::Opcode::kRmsnorm, {0, 8});
  Add(ir::Opcode::kMatmul, {8, 0});
  Group();
  EXPECT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[0].only_symbol, -1);
}

TEST_F(CallGroupsTest, WhatReadsSomethingElseOfTheNormStaysAlone) {
  Add(ir::Opcode::kRmsnorm, {0, 8});
  Add(ir::Opcode::kMatmul, {32, 16});
  Group();
  EXPECT_EQ(calls_[0].only_symbol, -1);
}

TEST_F(CallGroupsTest, NeighboursThatTheBackEndHasNoKernelForStay) {
  Add(ir::Opcode::kSilu, {0, 8});
  Add(ir::Opcode::kSilu, {0, 16}, true);
  Group();
  EXPECT_EQ(calls_.size(), 2u);
}

}  // namespace
}  // namespace lluda::codegen
