#include "tools/ir/dump_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "base/files/whole_file.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"

namespace lluda::tools {
namespace {

using base::TemporaryFolder;

std::unique_ptr<ir::Module> Toy() {
  const auto text = base::ReadInput("frontends/decoder/testdata/toy.lluda");
  EXPECT_TRUE(text.ok()) << text.status();
  auto module = ir::ParseModule(*text, "toy.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  return *std::move(module);
}

TEST(DumpFilesTest, TheModuleBeforeAndAfterEachPassThatChangedItLiesInAFileNamedAfterIt) {
  const TemporaryFolder folder;
  const std::unique_ptr<ir::Module> module = Toy();
  const std::string before = ir::PrintModule(*module);
  // The second run finds nothing.
  const auto files = WriteDumps(folder.PathOf("new"), {"fuse-rope", "fuse-rope"}, {}, module.get());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 2);
  EXPECT_EQ((*files)[0].path, folder.PathOf("new/00-input.lluda"));
  EXPECT_TRUE(*base::ReadInput((*files)[0].path) == before);
  EXPECT_EQ((*files)[1].path, folder.PathOf("new/01-fuse-rope.lluda"));
  EXPECT_THAT(*base::ReadInput((*files)[1].path), testing::HasSubstr("by fuse-rope"));
}

TEST(DumpFilesTest, AFolderThatCannotBeMadeIsNamed) {
  const TemporaryFolder folder;
  const std::string file = folder.Write("file", "");
  const std::unique_ptr<ir::Module> module = Toy();
  EXPECT_EQ(WriteDumps(file + "/x", {}, {}, module.get()).status(),
            absl::UnavailableError(file + "/x: Not a directory"));
}

}  // namespace
}  // namespace lluda::tools
