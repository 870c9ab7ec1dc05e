#include "frontends/model_folder.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "frontends/test_files.h"

namespace lluda::frontends {
namespace {

EnvironmentLookup Environment(const std::map<std::string, std::string>& values) {
  return [values](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

// Puts a model into a hub cache at `cache`, a path below `folder`; returns its snapshot's path.
std::string AddToCache(const TemporaryFolder& folder, const std::string& cache,
                       const std::string& model) {
  const std::string repository = absl::StrCat(cache, "/models--", model);
  folder.Write(absl::StrCat(repository, "/refs/main"), "0123abcd\n");
  folder.Write(absl::StrCat(repository, "/snapshots/0123abcd/config.json"), "{}");
  folder.Write(absl::StrCat(repository, "/snapshots/another/config.json"), "{}");
  return folder.PathOf(absl::StrCat(repository, "/snapshots/0123abcd"));
}

TEST(ModelFolder, NoNameIsTheDefaultFolder) {
  const TemporaryFolder folder;
  EXPECT_EQ(*FindModelFolder("", folder.path(), Environment({})), folder.path());
  EXPECT_EQ(FindModelFolder("", folder.PathOf("gone"), Environment({})).status(),
            absl::NotFoundError(
                absl::StrCat("default model: there is no folder '", folder.PathOf("gone"), "'")));
}

TEST(ModelFolder, AnExistingFolderIsTaken) {
  const TemporaryFolder folder;
  folder.Write("Org/Name/config.json", "{}");
  EXPECT_EQ(*FindModelFolder(folder.PathOf("Org/Name"), "/default", Environment({})),
            folder.PathOf("Org/Name"));
}

TEST(ModelFolder, AHubNameIsFoundInTheCacheThatTheEnvironmentNames) {
  const TemporaryFolder folder;
  const struct {
    std::string cache;
    std::map<std::string, std::string> environment;
  } cases[] = {
      {"a", {{"HF_HUB_CACHE", folder.PathOf("a")}, {"HF_HOME", "/no"}, {"HOME", "/no"}}},
      {"b/hub", {{"HF_HOME", folder.PathOf("b")}, {"XDG_CACHE_HOME", "/no"}, {"HOME", "/no"}}},
      {"c/huggingface/hub", {{"XDG_CACHE_HOME", folder.PathOf("c")}, {"HOME", "/no"}}},
      {"d/.cache/huggingface/hub", {{"HOME", folder.PathOf("d")}, {"HF_HOME", ""}}},
      {"e/hub", {{"HF_HOME", "~/e"}, {"HOME", folder.path()}}},
  };
  for (const auto& [cache, environment] : cases) {
    const std::string snapshot = AddToCache(folder, cache, "Qwen--Qwen3-0.6B");
    absl::StatusOr<std::string> found =
        FindModelFolder("Qwen/Qwen3-0.6B", "/default", Environment(environment));
    ASSERT_TRUE(found.ok()) << cache << ": " << found.status();
    EXPECT_EQ(*found, snapshot);
  }
}

TEST(ModelFolder, AHubNameWithoutAnOrganisationIsFound) {
  const TemporaryFolder folder;
  const std::string snapshot = AddToCache(folder, "cache", "tiny-model");
  EXPECT_EQ(*FindModelFolder("tiny-model", "/default",
                             Environment({{"HF_HUB_CACHE", folder.PathOf("cache")}})),
            snapshot);
}

TEST(ModelFolder, AnUnknownModelSaysWhereItWasLookedFor) {
  const TemporaryFolder folder;
  const EnvironmentLookup environment = Environment({{"HF_HUB_CACHE", folder.path()}});
  EXPECT_EQ(FindModelFolder("Org/Name", "/default", environment).status(),
            absl::NotFoundError(absl::StrCat(
                "model 'Org/Name': there is no such folder, and none in the hub's cache, '",
                folder.path(), "/models--Org--Name'")));
  EXPECT_EQ(FindModelFolder("Org/Name", "/default", Environment({})).status(),
            absl::NotFoundError("model 'Org/Name': there is no such folder, and neither HF_HOME "
                                "nor HOME says where the hub's cache is"));
}

TEST(ModelFolder, WhatIsNoHubNameIsNotLookedForInTheCache) {
  const TemporaryFolder folder;
  const EnvironmentLookup environment = Environment({{"HF_HUB_CACHE", folder.path()}});
  for (const std::string model : {"./gone", "../x/y", "/gone", "a/b/c", "a/..", "a/", "a b"}) {
    EXPECT_EQ(FindModelFolder(model, "/default", environment).status(),
              absl::NotFoundError(absl::StrCat("model '", model, "': there is no such folder")));
  }
}

TEST(ModelFolder, AFileIsRefused) {
  const TemporaryFolder folder;
  const std::string file = folder.Write("model.safetensors", "");
  EXPECT_EQ(FindModelFolder(file, "/default", Environment({})).status(),
            absl::InvalidArgumentError(
                absl::StrCat("model '", file, "': is a file; name the folder that holds it")));
}

TEST(ModelFolder, ADamagedCacheIsNamed) {
  const TemporaryFolder folder;
  const EnvironmentLookup environment = Environment({{"HF_HUB_CACHE", folder.path()}});
  const std::string repository = folder.PathOf("models--Org--Name");
  const auto message = [&] {
    return std::string(FindModelFolder("Org/Name", "/default", environment).status().message());
  };
  folder.Write("models--Org--Name/snapshots/abc/config.json", "{}");
  EXPECT_EQ(message(),
            absl::StrCat(repository, "/refs/main: cannot be opened: No such file or directory"));
  folder.Write("models--Org--Name/refs/main", "../../../etc");
  EXPECT_EQ(message(), absl::StrCat(repository, "/refs/main: '../../../etc' is not a revision"));
  folder.Write("models--Org--Name/refs/main", "def");
  EXPECT_EQ(message(), absl::StrCat(repository, "/snapshots/def: no such folder, though ",
                                    repository, "/refs/main names it"));
}

}  // namespace
}  // namespace lluda::frontends
