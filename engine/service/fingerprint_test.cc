#include "engine/service/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/files/test_files.h"
#include "engine/compile/compile_bundle.h"
#include "engine/stories_model.h"

namespace lluda::engine {
namespace {

using testing::MatchesRegex;

constexpr char kFolder[] = "reference_data/stories";

std::vector<FingerprintPart> PartsOf(const LoadOptions& options) {
  auto model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  auto parts = FingerprintParts(model->get());
  EXPECT_TRUE(parts.ok()) << parts.status();
  return *std::move(parts);
}

LoadOptions Options() {
  LoadOptions options = StoriesOptions(64, 512);
  options.identify = true;
  return options;
}

std::map<std::string, std::string> ByName(const std::vector<FingerprintPart>& parts) {
  std::map<std::string, std::string> by_name;
  for (const FingerprintPart& part : parts) by_name[part.name] = part.value;
  return by_name;
}

TEST(FingerprintTest, IsSixteenDigitsThatDependOnEachPart) {
  const std::string both = SystemFingerprint({{"a", "1"}, {"b", "2"}});
  EXPECT_THAT(both, MatchesRegex("lluda-[0-9a-f]{16}"));
  EXPECT_EQ(both, SystemFingerprint({{"a", "1"}, {"b", "2"}}));
  EXPECT_NE(both, SystemFingerprint({{"a", "1"}, {"b", "3"}}));
  EXPECT_NE(both, SystemFingerprint({{"a", "1"}, {"c", "2"}}));
  // The border between a name and its value counts.
  EXPECT_NE(SystemFingerprint({{"ab", "c"}}), SystemFingerprint({{"a", "bc"}}));
}

TEST(FingerprintTest, AModelThatWasNotLoadedForItHasNone) {
  LoadOptions options = Options();
  options.identify = false;
  auto model = Model::Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(FingerprintParts(model->get()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(FingerprintTest, ThreadsAndWhereTheFilesLieDoNotMatter) {
  const auto parts = ByName(PartsOf(Options()));
  LoadOptions one = Options();
  one.threads = 1;
  EXPECT_EQ(ByName(PartsOf(one)), parts);
  const base::TemporaryFolder folder;
  std::filesystem::copy(kFolder, folder.PathOf("again"), std::filesystem::copy_options::recursive);
  LoadOptions copied = Options();
  copied.folder = folder.PathOf("again");
  EXPECT_EQ(ByName(PartsOf(copied)), parts);
}

TEST(FingerprintTest, WhatChangesAnswersChangesAPart) {
  const auto parts = ByName(PartsOf(Options()));
  LoadOptions f32 = Options();
  f32.module.precision = Precision::kF32;
  EXPECT_NE(ByName(PartsOf(f32))["module"], parts.at("module"));
  LoadOptions int8 = Options();
  int8.module.kv_cache = KvCache::kInt8;
  EXPECT_NE(ByName(PartsOf(int8))["module"], parts.at("module"));
  LoadOptions generic = Options();
  generic.isa = "generic";
  EXPECT_EQ(ByName(PartsOf(generic))["isa"], "generic");

  const base::TemporaryFolder folder;
  const std::string path = folder.PathOf("changed");
  std::filesystem::copy(kFolder, path, std::filesystem::copy_options::recursive);
  // The last byte of the last tensor.
  std::string weights = base::ReadAll(path + "/model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  base::WriteAll(path + "/model.safetensors", weights);
  LoadOptions changed = Options();
  changed.folder = path;
  const auto other = ByName(PartsOf(changed));
  EXPECT_NE(other.at("weights"), parts.at("weights"));
  EXPECT_EQ(other.at("module"), parts.at("module"));
  EXPECT_EQ(other.at("tokenizer"), parts.at("tokenizer"));
}

TEST(FingerprintTest, ABundleSharesAllThatIsNotItsOwnWayOfKeepingThings) {
  const base::TemporaryFolder folder;
  const std::string path = folder.PathOf("stories.llb");
  ASSERT_EQ(CompileBundle(Options(), {path}), absl::OkStatus());
  LoadOptions bundle;
  bundle.folder = path;
  bundle.threads = 1;
  auto of_bundle = ByName(PartsOf(bundle)), of_folder = ByName(PartsOf(Options()));
  for (const char* own : {"weights", "code"}) {
    EXPECT_EQ(of_bundle[own].size(), 64u);
    of_bundle.erase(own);
    of_folder.erase(own);
  }
  EXPECT_EQ(of_bundle, of_folder);
}

}  // namespace
}  // namespace lluda::engine
