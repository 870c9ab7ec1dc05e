#include "passes/pipeline.h"

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kText[] = R"(lluda 1
module @m {
  func @f(%x: f32 d[2]) -> f32 d[2] {
    %dead = cos %x : f32 d[2]
    %r = exp %x : f32 d[2]
    return %r
  }
}
)";

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A pass that does what the test says.
class FakePass : public Pass {
 public:
  explicit FakePass(std::function<absl::StatusOr<bool>(ir::Module*)> run) : run_(std::move(run)) {}
  absl::string_view name() const override { return "fake"; }
  absl::StatusOr<bool> Run(ir::Module* module) override { return run_(module); }

 private:
  std::function<absl::StatusOr<bool>(ir::Module*)> run_;
};

ir::Op* First(ir::Module* module) { return module->FindFunc("f")->body.ops().front().get(); }

absl::Status RunFake(std::function<absl::StatusOr<bool>(ir::Module*)> run) {
  std::vector<std::unique_ptr<Pass>> passes;
  passes.push_back(std::make_unique<FakePass>([](ir::Module*) { return false; }));
  passes.push_back(std::make_unique<FakePass>(std::move(run)));
  PipelineOptions options;
  options.check_reports = true;
  const auto module = Parsed(kText);
  return Pipeline(std::move(passes), options).Run(module.get()).status();
}

TEST(PipelineTest, AModuleThatAPassBreaksIsAnErrorThatQuotesTheStatementAndNamesThePass) {
  const absl::Status status = RunFake([](ir::Module* module) {
    First(module)->result()->type.axes[0].extent.value = 3;
    return true;
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), HasSubstr("%dead = cos %x : f32 d[3]"));
  EXPECT_THAT(Message(status), EndsWith(" after pass 'fake' (#2)"));
}

TEST(PipelineTest, AModuleThatIsBrokenBeforeIsNotBlamedOnAPass) {
  const auto module = Parsed(kText);
  First(module.get())->result()->type.axes[0].extent.value = 3;
  auto pipeline = Pipeline::Create({"dce"}, {});
  ASSERT_TRUE(pipeline.ok());
  EXPECT_THAT(Message(pipeline->Run(module.get()).status()), EndsWith(" before the first pass"));
}

TEST(PipelineTest, AChangeThatIsNotReportedIsAnError) {
  const absl::Status status = RunFake([](ir::Module* module) {
    First(module)->parent()->Erase(First(module));
    return false;
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(), "a change was made but none was reported after pass 'fake' (#2)");
}

TEST(PipelineTest, AReportOfNoChangeIsAnError) {
  const absl::Status status = RunFake([](ir::Module*) { return true; });
  EXPECT_EQ(status.message(), "a change was reported but none was made after pass 'fake' (#2)");
}

TEST(PipelineTest, AnErrorOfAPassKeepsItsCode) {
  const absl::Status status =
      RunFake([](ir::Module*) { return absl::UnimplementedError("@f: %r: no"); });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(), "@f: %r: no after pass 'fake' (#2)");
}

TEST(PipelineTest, DumpsComeBeforeTheFirstPassAndAfterThoseThatChanged) {
  std::vector<std::string> dumps;
  PipelineOptions options;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& module) {
    dumps.push_back(absl::StrCat(number, pass, module.FindFunc("f")->body.ops().size()));
    return absl::OkStatus();
  };
  auto pipeline = Pipeline::Create({"cse", "dce", "dce"}, options);
  ASSERT_TRUE(pipeline.ok());
  const auto module = Parsed(kText);
  const auto reports = pipeline->Run(module.get());
  ASSERT_TRUE(reports.ok()) << reports.status();
  EXPECT_THAT(dumps, ElementsAre("03", "2dce2"));
  ASSERT_EQ(reports->size(), 3u);
  EXPECT_FALSE((*reports)[0].changed);
  EXPECT_TRUE((*reports)[1].changed);
  EXPECT_FALSE((*reports)[2].changed);
  EXPECT_EQ((*reports)[1].number, 2);
}

TEST(PipelineTest, TheModuleSaysWhichPassesItHasGoneThrough) {
  const auto module = Parsed(kText);
  for (int round = 0; round < 2; ++round) {
    auto pipeline = Pipeline::Create({"cse", "dce"}, {});
    ASSERT_TRUE(pipeline.ok());
    ASSERT_TRUE(pipeline->Run(module.get()).ok());
  }
  EXPECT_THAT(module->passes, ElementsAre("cse", "dce", "cse", "dce"));
}

TEST(PipelineTest, AFailingDumpEndsTheRun) {
  PipelineOptions options;
  options.dump = [](int, absl::string_view pass, const ir::Module&) {
    return pass.empty() ? absl::OkStatus() : absl::UnavailableError("disk full");
  };
  auto pipeline = Pipeline::Create({"dce"}, options);
  ASSERT_TRUE(pipeline.ok());
  const auto module = Parsed(kText);
  EXPECT_EQ(pipeline->Run(module.get()).status().message(), "disk full after pass 'dce' (#1)");
}

TEST(PipelineTest, AnUnknownPassIsRefusedByName) {
  const auto pipeline = Pipeline::Create({"dce", "fuse-ropes"}, {});
  EXPECT_EQ(pipeline.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(pipeline.status()), HasSubstr("there is no pass 'fuse-ropes'"));
  EXPECT_THAT(Message(pipeline.status()), HasSubstr("fuse-rope, "));
}

}  // namespace
}  // namespace lluda::passes
