// Edits dumps by hand and looks whether the first statement that departs is named, with its line.
#include "tools/verify/verify_dump.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "engine/source/model_files.h"
#include "engine/source/module_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kNoPass[] = "";
constexpr char kAllPasses[] = "plan-memory";

class VerifyDumpTest : public testing::Test {
 protected:
  void SetUp() override {
    auto files = engine::OpenModelFiles("reference_data/tiny", engine::Weights::kRequired);
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
    run_.weights = [this](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
      ASSIGN_OR_RETURN(auto tensor, files_.checkpoint->Get(ir::SourceName(weight, index)));
      return ir::Tensor::FromBytes(weight.type, tensor->span());
    };
    run_.steps = {{5, 17, 3, 60, 2, 8, 11}, {9}};
  }

  // The text after each number of passes, from none on.
  std::vector<std::string> Dumps(const engine::ModuleOptions& options = {}) {
    auto module = engine::ImportModule(files_, options);
    EXPECT_TRUE(module.ok()) << module.status();
    std::vector<std::string> dumps = {ir::PrintModule(**module)};
    for (const std::string& name : passes::DefaultPipeline()) {
      auto pipeline = passes::Pipeline::Create({name}, {});
      EXPECT_TRUE(pipeline->Run(module->get()).ok());
      dumps.push_back(ir::PrintModule(**module));
    }
    return dumps;
  }

  // The text after the last run of the pass.
  std::string DumpAfter(const std::string& pass) {
    const std::vector<std::string> names = passes::DefaultPipeline();
    const auto last = std::find(names.rbegin(), names.rend(), pass);
    return Dumps()[static_cast<size_t>(names.rend() - last)];
  }

  absl::StatusOr<DumpVerdict> Verify(const std::string& text) {
    ASSIGN_OR_RETURN(auto dump, engine::ParseModuleFor(files_, {"m.lluda", text}));
    ASSIGN_OR_RETURN(auto import, ImportLike(files_, *dump));
    return VerifyDump(*dump, *import, run_);
  }

  DumpVerdict VerdictOf(const std::string& text) {
    auto verdict = Verify(text);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.ok() ? *std::move(verdict) : DumpVerdict();
  }

  std::string ErrorOf(const std::string& text) {
    const auto verdict = Verify(text);
    EXPECT_FALSE(verdict.ok());
    const std::string message(verdict.status().message());
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }

  engine::ModelFiles files_;
  VerifyRun run_;
};

// An edit of the first line that has `line`: in it, `from` becomes `to`.
struct Edit {
  std::string line, from, to;
};

struct Edited {
  std::string text;
  int line = 0;  // the one that was edited, from 1
};

Edited Apply(const std::string& text, const Edit& edit) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!absl::StrContains(lines[i], edit.line)) continue;
    const std::string before = lines[i];
    lines[i] = absl::StrReplaceAll(before, {{edit.from, edit.to}});
    EXPECT_NE(lines[i], before) << edit.line;
    return {absl::StrJoin(lines, "\n"), static_cast<int>(i) + 1};
  }
  ADD_FAILURE() << "no line has " << edit.line;
  return {text, 0};
}

TEST_F(VerifyDumpTest, TheDumpAfterEveryPassIsRightInAllNumbers) {
  for (const engine::Precision precision : {engine::Precision::kBF16, engine::Precision::kF32}) {
    for (const engine::KvCache cache : {engine::KvCache::kPrecision, engine::KvCache::kInt8}) {
      engine::ModuleOptions options;
      options.precision = precision;
      options.kv_cache = cache;
      options.context = 100;
      const std::vector<std::string> dumps = Dumps(options);
      for (size_t i = 0; i < dumps.size(); ++i) {
        const DumpVerdict verdict = VerdictOf(dumps[i]);
        EXPECT_FALSE(verdict.finding.has_value())
            << i << " passes: " << FindingText(*verdict.finding);
        EXPECT_EQ(verdict.remark, "") << i << " passes";
      }
    }
  }
}

TEST_F(VerifyDumpTest, AnEditIsFoundAtItsOwnStatementAndLine) {
  const struct {
    std::string after;
    Edit edit;
    std::string func, statement;
  } kCases[] = {
      {kNoPass, {"%h0 = rmsnorm", "eps = 1e-06", "eps = 1e-05"}, "attn", "h0"},
      {kNoPass, {"%qlo = sub", "%qt0 %qt1", "%qt1 %qt0"}, "attn", "qlo"},
      {kNoPass, {"%s1 = scale", "by = ", "by = 1"}, "attn", "s1"},
      {kNoPass, {"%mx = reduce_max", "%s2", "%s1"}, "attn", "mx"},
      {kNoPass, {"%wavelength = power", "base = ", "base = 1"}, "step", "wavelength"},
      {kNoPass, {"%qt3 = mul", "%sin", "%cos"}, "attn", "qt3"},
      {"fuse-rope", {"%q3 = rope", "%cos %sin", "%sin %cos"}, "attn", "q3"},
      {"fuse-softmax", {"%p = softmax", "%s2", "%s1"}, "attn", "p"},
      {"fuse-attention", {"%o0 = attention", "mask = causal, ", ""}, "attn", "o0"},
      {kAllPasses, {"%y = matmul %m", "%x over ff {epilogue = add}", "over ff"}, "mlp", "y"},
      {kAllPasses, {"%o0 = attention", "scale = ", "scale = 1"}, "attn", "o0"},
      {kAllPasses, {"%h = rmsnorm", "eps = 1e-06", "eps = 1e-05"}, "attn", "h"},
      // Statements that only the passes have.
      {kAllPasses, {"%wavelength = power", "base = ", "base = 1"}, "load", "wavelength"},
      {kAllPasses,
       {"@wgu[layer] = pack", "@wg[layer] @wu[layer]", "@wu[layer] @wg[layer]"},
       "load",
       "wgu"},
  };
  for (const auto& c : kCases) {
    const Edited edited = Apply(c.after.empty() ? Dumps().front() : DumpAfter(c.after), c.edit);
    const auto verdict = Verify(edited.text);
    if (!verdict.ok()) {
      ADD_FAILURE() << c.edit.line << ": " << verdict.status();
      continue;
    }
    ASSERT_TRUE(verdict->finding.has_value()) << c.edit.line << " " << verdict->remark;
    const Finding& finding = *verdict->finding;
    EXPECT_EQ(finding.culprit, absl::StrCat("m.lluda:", edited.line)) << c.edit.line;
    EXPECT_EQ(finding.func, c.func) << c.edit.line;
    EXPECT_EQ(finding.statement, c.statement) << c.edit.line;
    EXPECT_EQ(finding.index, 0) << c.edit.line;
    EXPECT_THAT(finding.note, AllOf(HasSubstr("here:       "), HasSubstr("the passes: ")));
  }
}

TEST_F(VerifyDumpTest, TheMessageSaysHowFarAndWhatThePassesMake) {
  const Edited edited = Apply(DumpAfter(kAllPasses), {"%o0 = attention", "mask = causal, ", ""});
  const DumpVerdict verdict = VerdictOf(edited.text);
  ASSERT_TRUE(verdict.finding.has_value());
  const std::vector<std::string> lines = absl::StrSplit(FindingText(*verdict.finding), '\n');
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0],
              StartsWith(absl::StrCat("m.lluda:", edited.line, ": @attn[0] %o0 in step 0: NMSE ")));
  EXPECT_THAT(lines[1], StartsWith("  here:       %o0 = attention "));
  EXPECT_THAT(lines[1], testing::Not(HasSubstr("causal")));
  EXPECT_THAT(lines[2], StartsWith("  the passes: %o0 = attention "));
  EXPECT_THAT(lines[2], HasSubstr("{mask = causal, out = bf16, "));
}

TEST_F(VerifyDumpTest, ADroppedRoundingIsADifferenceOfTypes) {
  const Edited edited = Apply(Dumps().front(), {"%h = cast %h0 {out = bf16}", "bf16", "f32"});
  const DumpVerdict verdict = VerdictOf(edited.text);
  ASSERT_TRUE(verdict.finding.has_value());
  EXPECT_THAT(FindingText(*verdict.finding),
              StartsWith(absl::StrCat("m.lluda:", edited.line,
                                      ": @attn[0] %h in step 0: it is "
                                      "f32, the passes make it bf16")));
}

TEST_F(VerifyDumpTest, WhatIsReturnedIsComparedWhateverItIsCalled) {
  const Edited edited = Apply(
      Dumps().front(), {"return %logits", "return %logits",
                        "%twice = scale %logits {by = 2} : f32 row[R] vocab[512] return %twice"});
  const DumpVerdict verdict = VerdictOf(edited.text);
  ASSERT_TRUE(verdict.finding.has_value());
  EXPECT_EQ(verdict.finding->culprit, absl::StrCat("m.lluda:", edited.line));
  EXPECT_EQ(verdict.finding->statement, "logits");
}

TEST_F(VerifyDumpTest, AnEditWithoutEffectIsRemarkedUpon) {
  const Edited edited = Apply(DumpAfter(kAllPasses), {"%h = rmsnorm", " by fuse-epilogue", ""});
  EXPECT_EQ(VerdictOf(edited.text).remark, "") << "who made it does not matter";
  const Edited tiny =
      Apply(DumpAfter(kAllPasses), {"%h = rmsnorm", "eps = 1e-06", "eps = 1.0000000000000002e-06"});
  const DumpVerdict verdict = VerdictOf(tiny.text);
  EXPECT_FALSE(verdict.finding.has_value());
  EXPECT_THAT(verdict.remark, AllOf(StartsWith(absl::StrCat("m.lluda:", tiny.line,
                                                            ": @attn: %h is not as the "
                                                            "passes make it")),
                                    HasSubstr("eps = 1e-06")));
}

TEST_F(VerifyDumpTest, AnotherNumberOfLayersIsRefused) {
  const std::string one = absl::StrReplaceAll(
      Dumps().front(), {{"[layer < 2]", "[layer < 1]"}, {"in 0..2 carry", "in 0..1 carry"}});
  EXPECT_EQ(ErrorOf(one), "m.lluda: has 1 layers, the model has 2");
  const Edited skipped = Apply(Dumps().front(), {"= for layer", "0..2", "0..1"});
  EXPECT_EQ(ErrorOf(skipped.text), absl::StrCat("m.lluda:", skipped.line,
                                                ": @step: %xn: 1 layers are run, the model has 2"));
}

TEST_F(VerifyDumpTest, TextThatIsNoModuleIsRefusedInOneLineWithItsPlace) {
  const std::string dump = DumpAfter(kAllPasses);
  EXPECT_THAT(ErrorOf(dump.substr(0, dump.size() / 2)), StartsWith("m.lluda:"));
  const Edited gone = Apply(Dumps().front(), {"%q3 = concat", "%q3 = concat", "// concat"});
  EXPECT_THAT(ErrorOf(gone.text), AllOf(StartsWith(absl::StrCat("m.lluda:", gone.line + 1, ":")),
                                        HasSubstr("unknown value %q3")));
}

// What a hand may do to a line: other numbers and types, words left out, words exchanged.
std::vector<std::string> EditsOf(const std::string& line) {
  std::vector<std::string> edits = {""};
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  for (size_t i = 0; i < words.size(); ++i) {
    const auto add = [&](std::vector<std::string> edited) {
      edits.push_back(absl::StrJoin(edited, " "));
    };
    std::vector<std::string> edited = words;
    edited.erase(edited.begin() + static_cast<std::ptrdiff_t>(i));
    add(edited);
    if (i > 0) {
      edited = words;
      std::swap(edited[i], edited[i - 1]);
      add(edited);
    }
    for (const char* number : {"0", "3", "1099511627776"}) {
      const size_t begin = words[i].find_first_of("0123456789");
      if (begin == std::string::npos || absl::StartsWith(words[i], "%")) break;
      const size_t end = words[i].find_first_not_of("0123456789.e-", begin);
      edited = words;
      edited[i] = absl::StrCat(words[i].substr(0, begin), number,
                               end == std::string::npos ? "" : words[i].substr(end));
      add(edited);
    }
  }
  for (const auto& [from, to] : {std::pair("bf16", "f32"), std::pair("f32", "bf16"),
                                 std::pair("f32", "i32"), std::pair("i32", "f32")}) {
    edits.push_back(absl::StrReplaceAll(line, {{from, to}}));
  }
  return edits;
}

TEST_F(VerifyDumpTest, NoEditOfALineEndsInAnythingButAVerdictOrALineWithTheDumpsName) {
  int64_t found = 0, refused = 0;
  for (const std::string& dump : {Dumps().front(), DumpAfter(kAllPasses)}) {
    const std::vector<std::string> lines = absl::StrSplit(dump, '\n');
    for (size_t i = 0; i < lines.size(); ++i) {
      // Of each op once.
      const auto op = [](const std::string& line) {
        const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
        return words.size() > 2 && words[1] == "=" ? words[2] : line;
      };
      const bool seen = std::any_of(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i),
                                    [&](const auto& line) { return op(line) == op(lines[i]); });
      if (seen) continue;
      for (const std::string& edit : EditsOf(lines[i])) {
        std::vector<std::string> edited = lines;
        edited[i] = edit;
        const auto verdict = Verify(absl::StrJoin(edited, "\n"));
        if (verdict.ok()) {
          found += verdict->finding.has_value() ? 1 : 0;
          continue;
        }
        ++refused;
        EXPECT_THAT(std::string(verdict.status().message()),
                    AllOf(StartsWith("m.lluda:"), testing::Not(HasSubstr("\n"))))
            << edit;
      }
    }
  }
  EXPECT_GT(found, 20);
  EXPECT_GT(refused, 200);
}

TEST_F(VerifyDumpTest, LinesMayEndAsWindowsEndsThem) {
  const std::string dump = absl::StrReplaceAll(DumpAfter(kAllPasses), {{"\n", "\r\n"}});
  EXPECT_FALSE(VerdictOf(dump).finding.has_value());
  const Edited edited = Apply(dump, {"%o0 = attention", "scale = ", "scale = 1"});
  EXPECT_EQ(VerdictOf(edited.text).finding->culprit, absl::StrCat("m.lluda:", edited.line));
}

}  // namespace
}  // namespace lluda::tools
