#include "tools/report/report_pipeline.h"

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "ir/frame.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"

namespace lluda::tools {
namespace {

class ReportPipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file("ir/testdata/toy.lluda");
    auto module = ir::ParseModule(std::string(std::istreambuf_iterator<char>(file), {}), "toy");
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
    auto history =
        RunPasses(module_.get(), [&](int number, absl::string_view pass, const ir::Module& after,
                                     const passes::Provenance& provenance) {
          pipeline_.See(number, pass, after, provenance);
          dumps_[number] = ir::PrintModule(after);
        });
    ASSERT_TRUE(history.ok()) << history.status();
    pipeline_.Finish(*history);
  }

  const ReportFunction* Function(const ReportStep& step, const std::string& name) const {
    for (const size_t place : step.functions) {
      if (pipeline_.functions()[place].name == name) return &pipeline_.functions()[place];
    }
    return nullptr;
  }

  // Of the step whose pass is `pass`, the first one of that name.
  const ReportStep& Step(const std::string& pass) const {
    for (const ReportStep& step : pipeline_.steps()) {
      if (step.pass == pass) return step;
    }
    ADD_FAILURE() << "no step " << pass;
    return pipeline_.steps().front();
  }

  const ReportStatement& Statement(const ReportStep& step, const std::string& function,
                                   const std::string& name) const {
    for (const ReportStatement& statement : Function(step, function)->statements) {
      if (statement.name == name) return statement;
    }
    ADD_FAILURE() << "no statement " << name;
    return Function(step, function)->statements.front();
  }

  const ReportGlobal& Global(const ReportStep& step, const std::string& name) const {
    for (const ReportGlobal& global : pipeline_.globals()[step.globals]) {
      if (global.name == name) return global;
    }
    ADD_FAILURE() << "no global " << name;
    return pipeline_.globals()[step.globals].front();
  }

  std::unique_ptr<ir::Module> module_;
  ReportPipeline pipeline_;
  std::map<int, std::string> dumps_;  // after each pass that changed something
};

TEST_F(ReportPipelineTest, HasAStepForTheImportAndOneForEachPass) {
  std::vector<std::string> passes = {""};
  for (const std::string& pass : passes::DefaultPipeline()) passes.push_back(pass);
  ASSERT_EQ(pipeline_.steps().size(), passes.size());
  for (size_t i = 0; i < passes.size(); ++i) {
    EXPECT_EQ(pipeline_.steps()[i].pass, passes[i]);
    EXPECT_EQ(pipeline_.steps()[i].number, static_cast<int>(i));
  }
}

TEST_F(ReportPipelineTest, AStepHasEveryLineOfTheDumpInItsOrder) {
  std::string dump;
  for (const ReportStep& step : pipeline_.steps()) {
    if (dumps_.count(step.number) > 0) dump = dumps_[step.number];
    for (const ir::Section& section : ir::SectionsOf(dump)) {
      if (section.name == "declarations") continue;
      const ReportFunction* function = Function(step, section.name);
      ASSERT_NE(function, nullptr) << section.name << " after " << step.pass;
      std::vector<std::string> lines, texts;
      for (const std::string& line : section.lines) {
        const absl::string_view text = absl::StripAsciiWhitespace(line);
        if (absl::StartsWith(text, "func ") || absl::StartsWith(text, "}")) continue;
        lines.emplace_back(text);
      }
      for (const ReportStatement& statement : function->statements) {
        texts.push_back(statement.text);
      }
      EXPECT_EQ(texts, lines) << section.name << " after " << step.pass;
    }
  }
}

TEST_F(ReportPipelineTest, AStepsDiffIsThatOfTheDumpsAroundIt) {
  std::string before = dumps_[0];
  for (const ReportStep& step : pipeline_.steps()) {
    if (step.number == 0 || dumps_.count(step.number) == 0) {
      EXPECT_TRUE(step.diff.empty()) << step.pass;
      continue;
    }
    const std::vector<ir::SectionDiff> expected = ir::Diff(before, dumps_[step.number]);
    EXPECT_EQ(ir::DiffText(step.diff, false), ir::DiffText(expected, false)) << step.pass;
    before = dumps_[step.number];
  }
  EXPECT_EQ(Step("fuse-rope").diff.size(), 1u);
}

TEST_F(ReportPipelineTest, AFunctionThatAPassLeavesAloneIsHeldOnce) {
  const std::vector<ReportStep>& steps = pipeline_.steps();
  for (size_t i = 1; i < steps.size(); ++i) {
    std::set<std::string> changed;
    for (const ir::SectionDiff& section : steps[i].diff) changed.insert(section.name);
    for (const size_t place : steps[i].functions) {
      const std::string& name = pipeline_.functions()[place].name;
      if (changed.count(name) > 0) continue;
      EXPECT_EQ(Function(steps[i], name), Function(steps[i - 1], name))
          << name << " after " << steps[i].pass;
    }
  }
}

TEST_F(ReportPipelineTest, AStatementKnowsWhereItCameFrom) {
  const ReportStatement& rope = Statement(pipeline_.steps().back(), "@attn", "%q4");
  EXPECT_EQ(rope.op, "rope");
  EXPECT_EQ(rope.reads, (std::vector<std::string>{"%q2", "%cos", "%sin"}));
  EXPECT_EQ(rope.by, (std::vector<std::string>{"fuse-rope", "fuse-epilogue"}));
  EXPECT_EQ(rope.from, (std::vector<std::string>{"slice", "slice", "mul", "mul", "sub", "mul",
                                                 "mul", "add", "concat", "cast"}));
  EXPECT_EQ(rope.module, "model.layers.{layer}.self_attn");
  const ReportStatement& product = Statement(pipeline_.steps().back(), "@attn", "%qkv");
  EXPECT_EQ(product.reads, (std::vector<std::string>{"%h", "@wqkv[layer]"}));
  EXPECT_TRUE(Statement(pipeline_.steps().front(), "@attn", "%q0").by.empty());
}

TEST_F(ReportPipelineTest, ViewsAreToldFromWhatIsComputed) {
  const ReportStep& last = pipeline_.steps().back();
  EXPECT_TRUE(Statement(last, "@attn", "%q1").is_view);
  EXPECT_FALSE(Statement(last, "@attn", "%q2").is_view);
}

TEST_F(ReportPipelineTest, ALoopsBodyPointsToItsLoop) {
  const ReportFunction& step = *Function(pipeline_.steps().front(), "@step");
  const ReportStatement& call = Statement(pipeline_.steps().front(), "@step", "%xa");
  EXPECT_EQ(call.callee, "@attn");
  ASSERT_TRUE(call.loop.has_value());
  EXPECT_EQ(step.statements[*call.loop].name, "%xn");
  EXPECT_EQ(step.statements[*call.loop].carried, "%x");
  EXPECT_EQ(step.statements[*call.loop].text, "%xn = for layer in 0..2 carry %x = %x1 {");
  EXPECT_FALSE(Statement(pipeline_.steps().front(), "@step", "%xr").loop.has_value());
  EXPECT_EQ(Function(pipeline_.steps().front(), "@attn")->copies, 2);
}

TEST_F(ReportPipelineTest, WeightsHaveTypeLayoutSizeAndSource) {
  const ReportGlobal& imported = Global(pipeline_.steps().front(), "@wq");
  EXPECT_EQ(imported.kind, "weight");
  EXPECT_EQ(imported.dtype, "bf16");
  EXPECT_EQ(imported.shape, "q[16] hid[8]");
  EXPECT_EQ(imported.layout, "row-major");
  EXPECT_EQ(imported.bytes, 16 * 8 * 2);
  EXPECT_EQ(imported.copies, 2);
  EXPECT_EQ(imported.source, "model.layers.{layer}.self_attn.q_proj.weight");
  const ReportGlobal& packed = Global(pipeline_.steps().back(), "@wqkv");
  EXPECT_EQ(packed.kind, "loaded");
  EXPECT_EQ(packed.shape, "qkv[32] hid[8]");
  EXPECT_EQ(packed.layout, "@panel(16x2, hid)");
  EXPECT_EQ(packed.bytes, ir::MaxByteSize(module_->FindGlobal("wqkv")->type, *module_));
  EXPECT_EQ(packed.source, "");
  EXPECT_EQ(Global(pipeline_.steps().back(), "@k_cache").kind, "state");
}

TEST_F(ReportPipelineTest, MissesBelongToThePassThatMadeThem) {
  for (const ReportStep& step : pipeline_.steps()) {
    EXPECT_EQ(step.misses.empty(), step.pass != "fuse-epilogue" && step.pass != "fuse-projection")
        << step.pass;
  }
  ASSERT_FALSE(Step("fuse-epilogue").misses.empty());
  EXPECT_EQ(Step("fuse-epilogue").misses[0].statement, "v2");
}

}  // namespace
}  // namespace lluda::tools
