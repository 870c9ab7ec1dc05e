// docs/json.md has every field that a document of `--json` has, with its type, and no other; its
// examples are such documents. The documents here have every field that there is.
#include "tests/json_md.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "frontends/tokenizer/tokenizer.h"
#include "ir/text/parser.h"
#include "tools/bench/bench_result.h"
#include "tools/bench/bench_sound_result.h"
#include "tools/eval/eval_report.h"
#include "tools/inspect/explain_report.h"
#include "tools/inspect/file_report.h"
#include "tools/inspect/kernel_listing.h"
#include "tools/inspect/pass_history.h"
#include "tools/ir/dump_files.h"
#include "tools/ir/ir_plan.h"
#include "tools/ir/ir_report.h"
#include "tools/report/report_json.h"
#include "tools/run/cache_report.h"
#include "tools/run/compile_report.h"
#include "tools/run/embedding_report.h"
#include "tools/run/generation_report.h"
#include "tools/run/token_report.h"
#include "tools/run/transcript_report.h"
#include "tools/validate/validate_report.h"
#include "tools/verify/verify_model.h"

namespace lluda::tests {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

tools::GenerationReport Generation() {
  tools::GenerationReport report;
  report.generation.text = "a";
  report.generation.tokens = {3};
  report.generation.stop_token = 2;
  report.load.activations = "exact";
  return report;
}

std::vector<std::string> IrDocuments() {
  tools::IrPlan plan;
  const tools::PlannedGlobal global{"k_cache", 2, 256, {"S", "C"}, "bf16 row[S]"};
  plan.memory = tools::PlannedMemory{64, 128, {{"attention", 8, {{"C", 512}}}}, {global}, {global}};
  plan.frames = {{"attn", 64, {{"h", 0, 64, 1, 2}}}};
  plan.entries = {{"step", 2, {{2, {{"attn[0].h", "rmsnorm", {"frame+0"}, "output", false}}}}}};
  return {tools::SectionsJson({{"@attn", {"func @attn"}}}), tools::PlanJson(plan),
          tools::PassDiffsJson({{4, "fuse-rope", {{"@attn", {{'-', "%a = exp %x"}}}}}}),
          tools::DumpFilesJson({{0, "", "dumps/00-input.lluda"}})};
}

std::vector<std::string> AsmDocuments() {
  tools::KernelListing listing;
  listing.statements = {{"attn.q4", 6, {"%q4 = matmul %h @wq"}}};
  listing.kernels = {{"matmul_16", "matmul_16:\n\tretq\n"}};
  return {tools::ComputedStatementsJson({{"attn.q4", {"matmul_16"}, 6}}),
          tools::KernelListingJson(listing)};
}

tools::ExplainReport Explained() {
  tools::ExplainReport report;
  report.limits = {{"DRAM read", 8e10}};
  report.statements = {
      {"attn.q4", "matmul_16", {"matmul"}, "model", {"cse"}, 6, 1, 2, .5, .1, "f32"}};
  report.misses = {{"fuse-rope", "attn", "q3", "has 2 uses"}};
  report.chosen = std::make_shared<const frontends::ChosenWeights>(frontends::ChosenWeights{
      "kl=0.1", "text.txt", 99, {{"layer 0, q k", "q4_k", 4096, 0.01}}, 0.02, 98, 8192, 16384});
  report.unseen_passes = 3;
  return report;
}

// The graphs are those of a module, which has a loop, a call and globals.
std::string ReportDocument() {
  tools::Report report;
  std::ifstream file("ir/testdata/toy.lluda");
  const auto module = ir::ParseModule(std::string(std::istreambuf_iterator<char>(file), {}), "toy");
  if (!module.ok()) return std::string(module.status().message());
  auto history = tools::RunPasses(module->get(),
                                  [&](int number, absl::string_view pass, const ir::Module& after,
                                      const passes::Provenance& provenance) {
                                    report.pipeline.See(number, pass, after, provenance);
                                  });
  if (!history.ok()) return std::string(history.status().message());
  history->reports.front().misses = {{"attn", "q3", "has 2 uses"}};
  report.pipeline.Finish(*history);
  report.header.entry = "audio";
  report.runs = {Explained()};
  report.calls = {{"attn[0].q4", "matmul_16"}};
  report.buffers = {{"attn[0].q4", 0, 64, 1, 2}};
  return tools::ReportJson(report);
}

std::vector<std::string> VerifyDocuments() {
  tools::VerifyReport report;
  report.remark = "written otherwise";
  report.entry = "audio";
  const std::string right = tools::VerifyJson(report, "");
  report.finding = tools::Finding{"pass cse (#2)", "attn", "q4", 0, 0, 1, 1e-9, "", "note", ""};
  const std::string number = tools::VerifyJson(report, "repro.lluda");
  report.finding->nmse = std::numeric_limits<double>::infinity();
  const std::string infinite = tools::VerifyJson(report, "");
  report.finding->difference = "is not there";
  return {right, number, infinite, tools::VerifyJson(report, "")};
}

std::string ValidateDocument() {
  tools::ReferencePrompt prompt;
  prompt.ids = prompt.greedy = {1};
  prompt.next = 1;
  prompt.next_logit = 2.5;
  prompt.top10 = {1};
  prompt.mean_nll = 1;
  tools::PromptResult result;
  result.distance.emplace();
  result.mean_nll = 1;
  result.activations = {{"embed", 1e-6, 1e-5, 1e-4}};
  result.shortcomings = {"greedy"};
  result.remark = "the reference contradicts itself";
  return tools::ValidationJson({"bf16", {prompt}, {result}, tools::CacheError(), {"activations"}});
}

std::string EvalDocument() {
  tools::EvalReport report;
  report.subject = {"a", "bf16", "bf16", "q4_0", "int8"};
  report.against = report.subject;
  report.evaluation.worst.emplace_back();
  report.evaluation.is_compared = true;
  return tools::EvalReportJson(report);
}

std::string BenchDocument() {
  tools::BenchResult result;
  // Every instruction set has these two.
  for (const codegen::Limit limit : {codegen::Limit::kDramRead, codegen::Limit::kF32}) {
    result.limits[static_cast<size_t>(limit)] = 80;
  }
  result.prefill.emplace_back();
  result.decode.emplace_back().head_rows = 40;
  result.batch = {{8, {}, {}}};
  result.peers = {{"llama-bench", "m.gguf", {"-fa", "1"}, {{}}, {{}}}};
  tools::StreamsResult one{1, 2, {}};
  one.speed.tokens_per_s.median = 80;
  result.streams = {one};
  result.decode_calls.emplace();
  result.prefill_calls.emplace();
  result.cache_error.emplace();
  result.activations = "int8";
  return tools::BenchJson(result);
}

std::string SoundBenchDocument() {
  tools::SoundBenchResult result;
  result.limits[static_cast<size_t>(codegen::Limit::kDramRead)] = 80;
  result.limits[static_cast<size_t>(codegen::Limit::kF32)] = 80;
  result.activations = "int8";
  return tools::SoundBenchJson(result);
}

std::string CompileDocument() {
  tools::CompileReport report;
  report.object = report.header = report.bundle;
  return tools::CompileJson(report);
}

std::string TokenizeDocument() {
  const auto tokenizer = tokenizer::Tokenizer::Load("reference_data/stories");
  if (!tokenizer.ok()) return std::string(tokenizer.status().message());
  return tools::TokensJson(*tokenizer, "Once", {});
}

std::string InspectDocument() {
  tools::FileReport report;
  report.path = "m.gguf";
  report.format = "GGUF 3";
  report.files = {{"m.gguf", 64}};
  report.keys = {{"general.architecture", "string", "'llama'"}};
  report.tensors = {{"output_norm.weight", "F32", {8}, 32, 0}};
  report.types = {{"F32", 1, 32}};
  report.odd = {"it has no chat template"};
  return tools::FileReportJson(report);
}

std::vector<std::string> Documents() {
  std::vector<std::string> documents = {
      tools::GenerationJson(Generation(), 0),
      tools::ChatAnswerJson(Generation(), 0, 1),
      TokenizeDocument(),
      tools::EmbeddingsJson({{"a", 0, 2, {0.5f}}}),
      tools::RerankJson({{"a", 0, {0.5}}}),
      tools::TranscriptsJson({{"a.wav", 1, 0.5, {{engine::TranscribedPiece()}, false}}}),
      tools::ExplainJson(Explained()),
      ReportDocument(),
      ValidateDocument(),
      EvalDocument(),
      BenchDocument(),
      SoundBenchDocument(),
      CompileDocument(),
      InspectDocument(),
      tools::CacheJson({"cache", {{"a.code", "matmul_16", 10, 0, true}}}),
      tools::PruneJson(0),
      tools::IntactBundleJson("model.llb"),
  };
  for (const auto& more : {IrDocuments(), AsmDocuments(), VerifyDocuments()}) {
    documents.insert(documents.end(), more.begin(), more.end());
  }
  return documents;
}

class JsonMd : public testing::Test {
 protected:
  JsonManual manual_ = JsonManual::Load("docs/json.md");
};

TEST_F(JsonMd, IsWellFormed) {
  EXPECT_THAT(manual_.problems(), IsEmpty());
  EXPECT_THAT(manual_.schemas(), SizeIs(24));
}

TEST_F(JsonMd, HasEveryFieldThatIsWrittenAndNoOther) {
  for (const std::string& document : Documents()) {
    EXPECT_THAT(manual_.Check(document), IsEmpty()) << document.substr(0, 200);
  }
  EXPECT_THAT(manual_.Unseen(), IsEmpty());
}

TEST_F(JsonMd, HasAnExampleOfEachDocument) {
  std::vector<std::string> schemas;
  for (const std::string& example : manual_.examples()) {
    EXPECT_THAT(manual_.Check(example), IsEmpty()) << example;
    const size_t begin = example.find("lluda.");
    schemas.push_back(example.substr(begin, example.find('"', begin) - begin));
  }
  EXPECT_THAT(schemas, testing::UnorderedElementsAreArray(manual_.schemas()));
}

TEST_F(JsonMd, KnowsWhatItDoesNotHave) {
  EXPECT_THAT(manual_.Check(R"({"schema": "lluda.cache_prune/1", "freed": 1})"), SizeIs(1));
  EXPECT_THAT(manual_.Check(R"({"schema": "lluda.cache_prune/1", "freed_bytes": "1"})"), SizeIs(1));
  EXPECT_THAT(manual_.Check(R"({"schema": "lluda.cache_prune/2", "freed_bytes": 1})"), SizeIs(1));
  EXPECT_THAT(manual_.Check(R"({"freed_bytes": 1, "schema": "lluda.cache_prune/1"})"), SizeIs(1));
}

}  // namespace
}  // namespace lluda::tests
