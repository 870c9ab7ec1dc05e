#include "base/files/cache_folder.h"

#include <map>
#include <string>

#include "gtest/gtest.h"

namespace lluda::base {
namespace {

std::string With(const std::map<std::string, std::string>& variables) {
  return CacheFolder([&](const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}

TEST(CacheFolder, IsWhereTheXdgSpecificationSays) {
  EXPECT_EQ(With({{"XDG_CACHE_HOME", "/c"}, {"HOME", "/h"}}), "/c/lluda");
  EXPECT_EQ(With({{"HOME", "/h"}}), "/h/.cache/lluda");
  EXPECT_EQ(With({{"XDG_CACHE_HOME", ""}, {"HOME", "/h"}}), "/h/.cache/lluda");
  EXPECT_EQ(With({{"XDG_CACHE_HOME", "relative"}, {"HOME", "/h"}}), "/h/.cache/lluda");
}

TEST(CacheFolder, IsNowhereWithoutAHome) {
  EXPECT_EQ(With({}), "");
  EXPECT_EQ(With({{"HOME", "relative"}}), "");
}

}  // namespace
}  // namespace lluda::base
