#include "tools/bench/bench_sound.h"

#include <memory>
#include <string>
#include <vector>

#include "base/json/json.h"
#include "engine/compile/compile_bundle.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "tools/bench/bench_sound_check.h"

namespace lluda::tools {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kHearing[] = "reference_data/asr";

engine::LoadOptions Opened(const std::string& path) {
  engine::LoadOptions load;
  auto source = engine::OpenModelSource(path);
  EXPECT_TRUE(source.ok()) << source.status();
  if (!source.ok()) return load;
  load.source = *std::move(source);
  const auto numbers = load.source->OptionsFor({});
  if (numbers.ok()) load.module = *numbers;
  load.threads = 1;
  return load;
}

absl::StatusOr<SoundBenchResult> Bench(const std::string& path) {
  SoundBenchOptions bench;
  bench.seconds = 3;
  bench.repeat = 2;
  bench.open = [&] { return Opened(path); };
  bench.load = engine::Model::Load;
  return BenchSound(bench);
}

void ExpectMeasured(const SoundBenchResult& result) {
  EXPECT_EQ(result.seconds, 3);
  EXPECT_EQ(result.rows, 39);
  EXPECT_EQ(result.threads, 1);
  EXPECT_GT(result.ms_per_second.min, 0);
  EXPECT_GE(result.ms_per_second.median, result.ms_per_second.min);
  EXPECT_GT(result.percent_matmuls.median, 0);
  EXPECT_GT(result.percent.median, result.percent_matmuls.median);
  EXPECT_GT(result.matmul_flops_per_second, 0);
  EXPECT_GT(result.flops_per_second, result.matmul_flops_per_second);
  EXPECT_GT(result.peak_rss_bytes, 0);
}

TEST(BenchSoundTest, AnEncoderIsMeasuredAndItsRowsAreConfirmed) {
  const auto result = Bench(kHearing);
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectMeasured(*result);
  EXPECT_THAT(result->check, AllOf(HasSubstr("13 rows of a second"), HasSubstr("in f32"),
                                   HasSubstr("to the bit")));
  EXPECT_THAT(SoundBenchText(*result),
              AllOf(HasSubstr("3 s of sound, 39 rows: "), HasSubstr(" ms a second of sound"),
                    HasSubstr("matmuls alone ")));
  const auto json = base::JsonDocument::Parse("json", SoundBenchJson(*result));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json->root().String("schema"), "lluda.bench_audio/1");
}

TEST(BenchSoundTest, ABundlesEncoderIsConfirmedByItsOwnModule) {
  engine::LoadOptions options;
  options.folder = kHearing;
  options.need_tokenizer = false;
  const std::string path = testing::TempDir() + "/hearing.llb";
  const absl::Status compiled = engine::CompileBundle(options, {path});
  ASSERT_TRUE(compiled.ok()) << compiled;
  const auto result = Bench(path);
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectMeasured(*result);
  EXPECT_THAT(result->check, HasSubstr("on the bundle's own module and weights"));
}

TEST(BenchSoundTest, AModelThatHearsNothingNamesItsEntries) {
  EXPECT_EQ(Bench("reference_data/tiny").status().message(),
            "--entry: there is no entry 'audio'; the entries are step");
}

TEST(BenchSoundTest, WrongRowsAreAnErrorWithTheirDistance) {
  const auto files = engine::OpenModelFiles(kHearing, engine::Weights::kRequired);
  ASSERT_TRUE(files.ok()) << files.status();
  const std::vector<float> features(128 * 100, 0.5f);
  const std::vector<float> rows(13 * 64, 0.25f);
  const auto checked = CheckRows(*files, {}, features, rows);
  EXPECT_EQ(checked.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(checked.status().message()),
              AllOf(HasSubstr("the output is wrong"), HasSubstr("NMSE")));
  EXPECT_THAT(std::string(CheckRows(*files, {}, features, {1.0f}).status().message()),
              HasSubstr("a second of sound became 1 numbers"));
}

TEST(BenchSoundTest, ProductsAreCountedByWhatTheyMultiply) {
  const auto module = ir::ParseModule(R"(lluda 1
module @m {
  symbol A in 1..26
  weight @w[block < 2] : bf16 wide[6] hid[4] from "w.{block}"
  func @layer[block < 2](%h: bf16 tok[A] hid[4], %q: f32 tok[A] dim[5], %k: f32 key[A] dim[5])
      -> f32 tok[A] wide[6] {
    %s = matmul %q %k over dim : f32 tok[A] key[A]
    %y = matmul %h @w[block] over hid : f32 tok[A] wide[6]
    return %y
  }
  func @audio(%h: bf16 tok[A] hid[4], %q: f32 tok[A] dim[5], %k: f32 key[A] dim[5])
      -> f32 tok[A] wide[6] {
    %a = call @layer[0] %h %q %k : f32 tok[A] wide[6]
    %b = call @layer[1] %h %q %k : f32 tok[A] wide[6]
    return %b
  }
}
)",
                                      "m");
  ASSERT_TRUE(module.ok()) << module.status();
  const auto target = codegen::Target::Named("avx2");
  ASSERT_TRUE(target.ok()) << target.status();
  const Products products =
      CountProducts(*(*module)->FindFunc("audio"), *target, [](absl::string_view) { return 10; });
  double matmuls = 0, attention = 0;
  for (const auto& [limit, count] : products.matmuls) matmuls += count;
  for (const auto& [limit, count] : products.attention) attention += count;
  EXPECT_EQ(matmuls, 2 * 2 * 10 * 4 * 6);
  EXPECT_EQ(attention, 2 * 2 * 10 * 10 * 5);
}

}  // namespace
}  // namespace lluda::tools
