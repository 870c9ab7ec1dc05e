#include "engine/source/open_model_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "base/files/test_files.h"
#include "engine/compile/compile_bundle.h"
#include "engine/open_module.h"
#include "engine/source/model_files.h"

namespace lluda::engine {
namespace {

using testing::HasSubstr;

constexpr char kFolder[] = "reference_data/tiny";

std::shared_ptr<ModelSource> Open(const std::string& path) {
  absl::StatusOr<std::shared_ptr<ModelSource>> source = OpenModelSource(path);
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

class BundleSourceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new base::TemporaryFolder();
    LoadOptions options;
    options.folder = kFolder;
    options.need_tokenizer = false;
    options.module.context = 128;
    const absl::Status status = CompileBundle(options, {folder_->PathOf("tiny.llb")});
    ASSERT_TRUE(status.ok()) << status;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string Path() { return folder_->PathOf("tiny.llb"); }

  static base::TemporaryFolder* folder_;
};

base::TemporaryFolder* BundleSourceTest::folder_ = nullptr;

TEST(FolderSourceTest, IsNamedAfterItsFolder) {
  EXPECT_EQ(Open("reference_data/tiny")->name(), "tiny");
  EXPECT_EQ(Open("reference_data/tiny/")->name(), "tiny");
  EXPECT_EQ(NameOfPath("/models/Qwen3-0.6B/"), "Qwen3-0.6B");
}

TEST(FolderSourceTest, ReadsNothingBeforeItIsAsked) {
  const auto source = Open("/no/such/folder");
  EXPECT_EQ(FileFormat("/no/such/folder"), "");
  EXPECT_EQ(source->bundle(), nullptr);
  EXPECT_EQ(source->Files(Weights::kOptional).status().code(), absl::StatusCode::kNotFound);
}

TEST(FolderSourceTest, ItsFilesAreOpenedOnce) {
  const auto source = Open(kFolder);
  const auto once = source->Files(Weights::kRequired);
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_EQ(*source->Files(Weights::kOptional), *once);
  EXPECT_EQ(*source->Files(Weights::kRequired), *once);
}

TEST(FolderSourceTest, IsCompiledForWhatIsAsked) {
  const auto options = Open(kFolder)->OptionsFor({"f32", "int8", 77});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->precision, Precision::kF32);
  EXPECT_EQ(options->kv_cache, KvCache::kInt8);
  EXPECT_EQ(options->context, 77);
  EXPECT_EQ(Open(kFolder)->OptionsFor({})->precision, Precision::kBF16);
  EXPECT_THAT(std::string(Open(kFolder)->OptionsFor({"f13", "", 0}).status().message()),
              HasSubstr("f13"));
}

TEST_F(BundleSourceTest, KnowsItsNameAndWhatItIsCompiledFor) {
  const auto source = Open(Path());
  EXPECT_EQ(FileFormat(Path()), "bundle");
  EXPECT_EQ(source->name(), "tiny");
  ASSERT_NE(source->bundle(), nullptr);
  EXPECT_EQ(source->OptionsFor({})->precision, Precision::kBF16);
  EXPECT_THAT(std::string(source->OptionsFor({"f32", "", 0}).status().message()),
              HasSubstr("tiny.llb: is compiled for precision bf16, not f32"));
  EXPECT_THAT(std::string(source->Files(Weights::kOptional).status().message()),
              HasSubstr("tiny.llb: is compiled already"));
}

TEST_F(BundleSourceTest, AnswersAsTheFolderThatItWasCompiledFrom) {
  const auto bundle = Open(Path()), folder = Open(kFolder);
  EXPECT_EQ(bundle->ReadGenerationConfig()->eos_token_ids,
            folder->ReadGenerationConfig()->eos_token_ids);
  EXPECT_EQ(bundle->ReadTokenizer().ok(), folder->ReadTokenizer().ok());
  EXPECT_EQ(bundle->ReadChatFormat().ok(), folder->ReadChatFormat().ok());
}

TEST_F(BundleSourceTest, ItsModuleHasTheContextOfTheCompiledOne) {
  LoadOptions options;
  options.module.context = 100;
  const auto folder = OpenModule(Open(kFolder).get(), options, Weights::kRequired);
  const auto bundle = OpenModule(Open(Path()).get(), options, Weights::kRequired);
  ASSERT_TRUE(folder.ok() && bundle.ok()) << folder.status() << bundle.status();
  EXPECT_EQ(folder->context, 100);
  EXPECT_EQ(bundle->context, 100);
  options.module.context = 0;
  EXPECT_EQ(OpenModule(Open(Path()).get(), options, Weights::kRequired)->context, 128);
}

TEST(OpenModelSourceTest, AFileThatIsNoBundleIsRefusedWhenItIsOpened) {
  const base::TemporaryFolder folder;
  folder.Write("broken.llb", "nothing");
  EXPECT_THAT(std::string(OpenModelSource(folder.PathOf("broken.llb")).status().message()),
              HasSubstr("broken.llb"));
}

}  // namespace
}  // namespace lluda::engine
