#include "frontends/model_folder.h"

#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "frontends/json.h"
#include "frontends/mapped_file.h"

namespace lluda::frontends {
namespace {

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

// One component of a path that cannot lead elsewhere: letters, digits, '-', '_' and '.'.
bool IsPlainComponent(absl::string_view text) {
  if (text.empty() || text.front() == '.') return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

// "Org/Name", or "Name" alone as the hub's oldest models are called.
bool IsHubName(absl::string_view model) {
  const size_t slash = model.find('/');
  if (slash == absl::string_view::npos) return IsPlainComponent(model);
  return IsPlainComponent(model.substr(0, slash)) && IsPlainComponent(model.substr(slash + 1));
}

struct CacheRule {
  const char* variable;
  absl::string_view below;  // the cache's path below the variable's value
};

// As huggingface_hub's constants.py derives HF_HUB_CACHE; the first that is set counts.
constexpr CacheRule kCacheRules[] = {
    {"HF_HUB_CACHE", ""},
    {"HF_HOME", "/hub"},
    {"XDG_CACHE_HOME", "/huggingface/hub"},
    {"HOME", "/.cache/huggingface/hub"},
};

// The hub cache's folder; empty if the environment names none.
std::string HubCache(const EnvironmentLookup& environment) {
  for (const CacheRule& rule : kCacheRules) {
    const char* value = environment(rule.variable);
    if (value == nullptr || *value == '\0') continue;
    std::string path = value;
    const char* home = environment("HOME");
    if (absl::StartsWith(path, "~/") && home != nullptr) path.replace(0, 1, home);
    return absl::StrCat(path, rule.below);
  }
  return "";
}

// The folder of the revision that "main" names in `repository`, a folder of the cache.
absl::StatusOr<std::string> MainSnapshot(const std::string& repository) {
  const std::string reference = absl::StrCat(repository, "/refs/main");
  absl::StatusOr<MappedFile> file = MappedFile::Open(reference);
  if (!file.ok()) return file.status();
  const absl::string_view revision = absl::StripAsciiWhitespace(file->text());
  if (!IsPlainComponent(revision)) {
    return absl::InvalidArgumentError(
        absl::StrCat(reference, ": '", QuoteName(revision), "' is not a revision"));
  }
  std::string snapshot = absl::StrCat(repository, "/snapshots/", revision);
  if (!IsFolder(snapshot)) {
    return absl::NotFoundError(
        absl::StrCat(snapshot, ": no such folder, though ", reference, " names it"));
  }
  return snapshot;
}

}  // namespace

absl::StatusOr<std::string> FindModelFolder(const std::string& model,
                                            const std::string& default_folder,
                                            const EnvironmentLookup& environment) {
  if (model.empty()) {
    if (IsFolder(default_folder)) return default_folder;
    return absl::NotFoundError(
        absl::StrCat("default model: there is no folder '", QuoteName(default_folder), "'"));
  }
  if (IsFolder(model)) return model;
  const std::string where = absl::StrCat("model '", QuoteName(model), "': ");
  std::error_code ignored;
  if (std::filesystem::exists(model, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, "is a file; name the folder that holds it"));
  }
  if (!IsHubName(model)) {
    return absl::NotFoundError(absl::StrCat(where, "there is no such folder"));
  }
  const std::string cache = HubCache(environment);
  if (cache.empty()) {
    return absl::NotFoundError(absl::StrCat(
        where, "there is no such folder, and neither HF_HOME nor HOME says where the hub's ",
        "cache is"));
  }
  const std::string repository =
      absl::StrCat(cache, "/models--", absl::StrReplaceAll(model, {{"/", "--"}}));
  if (!IsFolder(repository)) {
    return absl::NotFoundError(
        absl::StrCat(where, "there is no such folder, and none in the hub's cache, '",
                     QuoteName(repository), "'"));
  }
  return MainSnapshot(repository);
}

}  // namespace lluda::frontends
