#include "tools/report/report_memory.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/frame.h"
#include "ir/text/parser.h"
#include "tools/inspect/pass_history.h"

namespace lluda::tools {
namespace {

class ReportMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file("ir/testdata/toy.lluda");
    auto module = ir::ParseModule(std::string(std::istreambuf_iterator<char>(file), {}), "toy");
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
    ASSERT_TRUE(RunPasses(module_.get()).ok());
    auto compiled = codegen::Compile(*module_, codegen::Target::Host(), {});
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    compiled_ = std::make_unique<codegen::CompiledModule>(*std::move(compiled));
    buffers_ = FrameBuffers(*module_, compiled_->program.entry("step"));
  }

  const FrameBuffer& Buffer(const std::string& name) const {
    const auto it = std::find_if(buffers_.begin(), buffers_.end(),
                                 [&](const FrameBuffer& buffer) { return buffer.name == name; });
    EXPECT_NE(it, buffers_.end()) << name;
    return it == buffers_.end() ? buffers_.front() : *it;
  }

  int CallOf(const std::string& name) const {
    const std::vector<runtime::Call>& calls = compiled_->program.entry("step").calls;
    const auto it = std::find_if(calls.begin(), calls.end(), [&](const runtime::Call& call) {
      return ToString(call.site) == name;
    });
    EXPECT_NE(it, calls.end()) << name;
    return static_cast<int>(it - calls.begin());
  }

  std::unique_ptr<ir::Module> module_;
  std::unique_ptr<codegen::CompiledModule> compiled_;
  std::vector<FrameBuffer> buffers_;
};

TEST_F(ReportMemoryTest, BuffersThatShareBytesShareNoCall) {
  for (const FrameBuffer& a : buffers_) {
    for (const FrameBuffer& b : buffers_) {
      if (&a == &b) continue;
      const bool bytes = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      const bool calls = a.first <= b.last && b.first <= a.last;
      // A call may write where it read.
      const bool in_place = a.last == b.first || b.last == a.first;
      EXPECT_FALSE(bytes && calls && !in_place) << a.name << " and " << b.name;
    }
  }
}

TEST_F(ReportMemoryTest, BuffersFillTheFrameAndNoMore) {
  int64_t end = 0;
  for (const FrameBuffer& buffer : buffers_) {
    EXPECT_GE(buffer.offset, 0);
    end = std::max(end, buffer.offset + buffer.bytes);
  }
  EXPECT_LE(end, compiled_->program.frame_bytes);
  EXPECT_GT(end, compiled_->program.frame_bytes - ir::kFrameAlignment);
}

TEST_F(ReportMemoryTest, ABufferLivesFromItsCallToItsLastReader) {
  const FrameBuffer& qkv = Buffer("attn[0].qkv");
  EXPECT_EQ(qkv.bytes, 16 * 32 * 4);
  EXPECT_EQ(qkv.first, CallOf("attn[0].qkv"));
  EXPECT_EQ(qkv.last, CallOf("attn[0].v2"));  // through a view of it
  const FrameBuffer& angles = Buffer("step.cos");
  EXPECT_EQ(angles.last, CallOf("attn_rows[1].k4"));  // keys are of all tokens
}

TEST_F(ReportMemoryTest, APlannedBufferLiesAtItsPlaceInTheFunctionsFrame) {
  const std::map<std::string, const ir::Op*> ops = StatementsByName(*module_);
  const int64_t frame = Buffer("attn[0].qkv").offset - *ops.at("attn.qkv")->frame_offset;
  for (const char* name : {"h", "q2", "k2", "q4", "k4", "v2", "o0"}) {
    const std::string statement = std::string("attn.") + name;
    EXPECT_EQ(Buffer(std::string("attn[0].") + name).offset,
              frame + *ops.at(statement)->frame_offset)
        << name;
  }
}

TEST_F(ReportMemoryTest, TotalsAreThoseOfOneSequenceAtTheFullContext) {
  const MemoryTotals totals = TotalsOf(compiled_->program);
  EXPECT_EQ(totals.frame, compiled_->program.frame_bytes);
  EXPECT_EQ(totals.loaded, compiled_->program.loaded_bytes);
  // Two layers, keys and values, two heads of four bf16 elements, 64 positions.
  EXPECT_EQ(totals.states, 2 * 2 * 2 * 4 * 2 * 64);
  // A cache of 64 positions is one span, which only attention would share.
  int64_t span = 0;
  for (const runtime::Kernel& kernel : compiled_->program.kernels) {
    if (kernel.split.below > 0) {
      EXPECT_EQ(kernel.name.substr(0, 10), "attention_");
      span = kernel.split.unit_bytes * kernel.split.units.constant;
    }
  }
  EXPECT_GT(span, 0);
  EXPECT_EQ(totals.workspace, span);
  // The norms alone are read as the checkpoint has them.
  EXPECT_EQ(totals.weights, 2 * (2 * 8 + 2 * 4) * 2 + 8 * 2);
}

}  // namespace
}  // namespace lluda::tools
