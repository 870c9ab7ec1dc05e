#include "frontends/hub_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::frontends {
namespace {

EnvironmentLookup Environment(const std::map<std::string, std::string>& values) {
  return [values](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

TEST(HubCache, VariablesCountInTheOrderOfHuggingfaceHub) {
  std::map<std::string, std::string> variables = {{"HF_HUB_CACHE", "/a"},
                                                  {"HUGGINGFACE_HUB_CACHE", "/b"},
                                                  {"HF_HOME", "/c"},
                                                  {"XDG_CACHE_HOME", "/d"},
                                                  {"HOME", "/e"}};
  const struct {
    const char* variable;
    const char* folder;
  } kOrder[] = {{"HF_HUB_CACHE", "/a"},
                {"HUGGINGFACE_HUB_CACHE", "/b"},
                {"HF_HOME", "/c/hub"},
                {"XDG_CACHE_HOME", "/d/huggingface/hub"},
                {"HOME", "/e/.cache/huggingface/hub"}};
  for (const auto& [variable, folder] : kOrder) {
    EXPECT_EQ(HubCacheFolder(Environment(variables)), folder);
    variables.erase(variable);
  }
}

TEST(HubCache, AnEmptyVariableCountsAsNotSet) {
  EXPECT_EQ(HubCacheFolder(Environment({{"HF_HUB_CACHE", ""},
                                        {"HUGGINGFACE_HUB_CACHE", ""},
                                        {"HF_HOME", ""},
                                        {"XDG_CACHE_HOME", ""},
                                        {"HOME", "/e"}})),
            "/e/.cache/huggingface/hub");
}

TEST(HubCache, EveryVariableIsExpanded) {
  for (const auto& [variable, folder] :
       std::map<std::string, std::string>{{"HF_HUB_CACHE", "/me/x/data"},
                                          {"HUGGINGFACE_HUB_CACHE", "/me/x/data"},
                                          {"HF_HOME", "/me/x/data/hub"},
                                          {"XDG_CACHE_HOME", "/me/x/data/huggingface/hub"}}) {
    EXPECT_EQ(HubCacheFolder(Environment(
                  {{variable, "~/${A}/$B"}, {"HOME", "/me"}, {"A", "x"}, {"B", "data"}})),
              folder);
  }
}

TEST(HubCache, WhatComesOfHfHomeIsExpandedTwice) {
  const std::map<std::string, std::string> variables = {
      {"HF_HOME", "$A"}, {"A", "~/$B"}, {"B", "x"}, {"HOME", "/me"}};
  EXPECT_EQ(HubCacheFolder(Environment(variables)), "/me/x/hub");
}

TEST(HubCache, WithoutHomeTheListOfUsersSaysWhereItIs) {
  const passwd* self = getpwuid(getuid());
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(HubCacheFolder(Environment({})), absl::StrCat(self->pw_dir, "/.cache/huggingface/hub"));
}

TEST(HubCache, ATildeIsAHomeFolderAtTheStartAlone) {
  const EnvironmentLookup environment = Environment({{"HOME", "/me/"}});
  EXPECT_EQ(ExpandPath("~", environment), "/me");
  EXPECT_EQ(ExpandPath("~/a", environment), "/me/a");
  EXPECT_EQ(ExpandPath("a/~", environment), "a/~");
  EXPECT_EQ(ExpandPath("~", Environment({{"HOME", "/"}})), "/");
  EXPECT_EQ(ExpandPath("~/a", Environment({{"HOME", "/"}})), "/a");
  const passwd* root = getpwuid(0);
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(ExpandPath(absl::StrCat("~", root->pw_name, "/a"), environment),
            absl::StrCat(root->pw_dir, "/a"));
  EXPECT_EQ(ExpandPath("~nobody-is-called-so/a", environment), "~nobody-is-called-so/a");
}

TEST(HubCache, VariablesAreExpandedWhereTheyAreKnown) {
  const EnvironmentLookup environment =
      Environment({{"A", "x"}, {"A_1", "y"}, {"a b", "z"}, {"LOOP", "$LOOP"}, {"NONE", ""}});
  EXPECT_EQ(ExpandPath("/$A/${A}b/$A_1", environment), "/x/xb/y");
  EXPECT_EQ(ExpandPath("$A$A", environment), "xx");
  EXPECT_EQ(ExpandPath("${a b}", environment), "z");
  EXPECT_EQ(ExpandPath("$LOOP", environment), "$LOOP");
  EXPECT_EQ(ExpandPath("a$NONE/b", environment), "a/b");
  EXPECT_EQ(ExpandPath("$UNKNOWN/${UNKNOWN}", environment), "$UNKNOWN/${UNKNOWN}");
  EXPECT_EQ(ExpandPath("$/${A/$-$", environment), "$/${A/$-$");
  EXPECT_EQ(ExpandPath("", environment), "");
}

TEST(HubCache, ModelsAreListedByTheirHubNames) {
  const base::TemporaryFolder folder;
  folder.Write("models--Qwen--Qwen3-0.6B/refs/main", "");
  folder.Write("models--gpt2/refs/main", "");
  folder.Write("datasets--a--b/refs/main", "");
  EXPECT_THAT(HubCacheModels(folder.path()), testing::ElementsAre("Qwen/Qwen3-0.6B", "gpt2"));
  EXPECT_THAT(HubCacheModels(folder.PathOf("gone")), testing::ElementsAre());
  EXPECT_EQ(HubCacheRepository("/hub", "Qwen/Qwen3-0.6B"), "/hub/models--Qwen--Qwen3-0.6B");
}

}  // namespace
}  // namespace lluda::frontends
