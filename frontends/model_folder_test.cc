#include "frontends/model_folder.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/files/test_files.h"

namespace lluda::frontends {
namespace {

EnvironmentLookup Environment(const std::map<std::string, std::string>& values) {
  return [values](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

// Puts a model into a hub cache at `cache`, a path below `folder`; returns its snapshot's path.
std::string AddToCache(const base::TemporaryFolder& folder, const std::string& cache,
                       const std::string& model) {
  const std::string repository = absl::StrCat(cache, "/models--", model);
  folder.Write(absl::StrCat(repository, "/refs/main"), "0123abcd\n");
  folder.Write(absl::StrCat(repository, "/snapshots/0123abcd/config.json"), "{}");
  folder.Write(absl::StrCat(repository, "/snapshots/another/config.json"), "{}");
  return folder.PathOf(absl::StrCat(repository, "/snapshots/0123abcd"));
}

TEST(ModelFolder, NoNameIsTheDefaultFolder) {
  const base::TemporaryFolder folder;
  EXPECT_EQ(*FindModelFolder("", folder.path(), Environment({})), folder.path());
  EXPECT_EQ(FindModelFolder("", folder.PathOf("gone"), Environment({})).status(),
            absl::NotFoundError(
                absl::StrCat("default model: there is no folder '", folder.PathOf("gone"), "'")));
}

TEST(ModelFolder, AnExistingFolderIsTaken) {
  const base::TemporaryFolder folder;
  folder.Write("Org/Name/config.json", "{}");
  EXPECT_EQ(*FindModelFolder(folder.PathOf("Org/Name"), "/default", Environment({})),
            folder.PathOf("Org/Name"));
}

TEST(ModelFolder, AHubNameIsFoundInTheCacheThatTheEnvironmentNames) {
  const base::TemporaryFolder folder;
  const std::string snapshot = AddToCache(folder, "b/hub", "Qwen--Qwen3-0.6B");
  EXPECT_EQ(*FindModelFolder("Qwen/Qwen3-0.6B", "/default",
                             Environment({{"HF_HOME", "$DATA/b"}, {"DATA", folder.path()}})),
            snapshot);
}

TEST(ModelFolder, AHubNameWithoutAnOrganisationIsFound) {
  const base::TemporaryFolder folder;
  const std::string snapshot = AddToCache(folder, "cache", "tiny-model");
  EXPECT_EQ(*FindModelFolder("tiny-model", "/default",
                             Environment({{"HF_HUB_CACHE", folder.PathOf("cache")}})),
            snapshot);
}

TEST(ModelFolder, AnUnknownModelSaysWhereItWasLookedFor) {
  const base::TemporaryFolder folder;
  const EnvironmentLookup environment = Environment({{"HF_HUB_CACHE", folder.path()}});
  EXPECT_EQ(FindModelFolder("Org/Name", "/default", environment).status(),
            absl::NotFoundError(absl::StrCat(
                "model 'Org/Name': there is no such folder, and none in the hub's cache, '",
                folder.path(), "/models--Org--Name'")));
}

TEST(ModelFolder, WhatIsNoHubNameIsNotLookedForInTheCache) {
  const base::TemporaryFolder folder;
  const EnvironmentLookup environment = Environment({{"HF_HUB_CACHE", folder.path()}});
  for (const std::string model :
       {"./gone", "../x/y", "/absent-from-here", "a/b/c", "a/..", "a/", "a b"}) {
    EXPECT_EQ(FindModelFolder(model, "/default", environment).status(),
              absl::NotFoundError(absl::StrCat("model '", model, "': there is no such folder")));
  }
}

TEST(ModelFolder, AMistypedModelOfTheCacheGetsTheNearestOne) {
  const base::TemporaryFolder folder;
  AddToCache(folder, "hub", "Qwen--Qwen3-0.6B");
  AddToCache(folder, "hub", "Qwen--Qwen3-Embedding-0.6B");
  const EnvironmentLookup environment = Environment({{"HF_HUB_CACHE", folder.PathOf("hub")}});
  for (const std::string model :
       {"Qwen/Qwen3-0.6", "Qwen/Qwen3-06B", "qwen/qwen3-0.6b", "Qwen3-0.6B", "qwen3-0.5b"}) {
    EXPECT_TRUE(absl::EndsWith(FindModelFolder(model, "/default", environment).status().message(),
                               absl::StrCat("/models--", absl::StrReplaceAll(model, {{"/", "--"}}),
                                            "' (did you mean 'Qwen/Qwen3-0.6B'?)")))
        << FindModelFolder(model, "/default", environment).status();
  }
  EXPECT_TRUE(absl::EndsWith(
      FindModelFolder("Org/Other", "/default", environment).status().message(), "Org--Other'"));
}

TEST(ModelFolder, AMistypedPathGetsTheNearestFolderOrBundleBesideIt) {
  const base::TemporaryFolder folder;
  folder.Write("models/stories/config.json", "{}");
  folder.Write("models/tales.llb", "");
  folder.Write("models/notes.txt", "");
  const auto message = [&](const std::string& name) {
    return std::string(
        FindModelFolder(folder.PathOf(name), "/default", Environment({})).status().message());
  };
  const auto expected = [&](const std::string& name, const std::string& meant) {
    return absl::StrCat("model '", folder.PathOf(name),
                        "': there is no such folder (did you mean '", folder.PathOf(meant), "'?)");
  };
  EXPECT_EQ(message("models/storys"), expected("models/storys", "models/stories"));
  EXPECT_EQ(message("models/Stories/"), expected("models/Stories/", "models/stories"));
  EXPECT_EQ(message("models/tales.lb"), expected("models/tales.lb", "models/tales.llb"));
  EXPECT_EQ(message("models/note.txt"), absl::StrCat("model '", folder.PathOf("models/note.txt"),
                                                     "': there is no such folder"));
}

TEST(ModelFolder, APathThatCannotBeLookedAtSaysWhy) {
  const std::string name(300, 'a');
  EXPECT_TRUE(absl::EndsWith(FindModelFolder(name, "/default", Environment({})).status().message(),
                             "': File name too long"));
}

TEST(ModelFolder, ASlashAtTheEndIsPartOfAPath) {
  const base::TemporaryFolder folder;
  folder.Write("m/config.json", "{}");
  EXPECT_EQ(*FindModelFolder(folder.PathOf("m/"), "/default", Environment({})),
            folder.PathOf("m/"));
}

TEST(ModelFolder, AFileIsRefused) {
  const base::TemporaryFolder folder;
  const std::string file = folder.Write("model.safetensors", "");
  EXPECT_EQ(FindModelFolder(file, "/default", Environment({})).status(),
            absl::InvalidArgumentError(
                absl::StrCat("model '", file, "': is a file; name the folder that holds it")));
}

TEST(ModelFolder, ADamagedCacheIsNamed) {
  const base::TemporaryFolder folder;
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
