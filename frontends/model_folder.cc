#include "frontends/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files/mapped_file.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "ir/text/suggest.h"

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

// The folder of the revision that "main" names in `repository`, a folder of the cache.
absl::StatusOr<std::string> MainSnapshot(const std::string& repository) {
  const std::string reference = absl::StrCat(repository, "/refs/main");
  ASSIGN_OR_RETURN(base::MappedFile file, base::MappedFile::Open(reference));
  const absl::string_view revision = absl::StripAsciiWhitespace(file.text());
  if (!IsPlainComponent(revision)) {
    return absl::InvalidArgumentError(
        absl::StrCat(reference, ": '", base::QuoteName(revision), "' is not a revision"));
  }
  std::string snapshot = absl::StrCat(repository, "/snapshots/", revision);
  if (!IsFolder(snapshot)) {
    return absl::NotFoundError(
        absl::StrCat(snapshot, ": no such folder, though ", reference, " names it"));
  }
  return snapshot;
}

// The folders and bundles in the folder that `path` lies in, as `path` would be spelt for each.
std::vector<std::string> ModelsBeside(const std::filesystem::path& path) {
  std::vector<std::string> found;
  const std::filesystem::path folder = path.parent_path();
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::filesystem::path name = entry->path().filename();
    if (entry->is_directory(ignored) || name.extension() == ".llb") {
      found.push_back((folder / name).string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string WithoutOrganisation(absl::string_view model) {
  return std::string(model.substr(model.rfind('/') + 1));
}

}  // namespace

std::string NearestModel(const std::string& path, const std::vector<std::string>& models) {
  std::string wanted = path;
  while (wanted.size() > 1 && absl::EndsWith(wanted, "/")) wanted.pop_back();
  std::vector<std::string> names = ModelsBeside(wanted);
  names.insert(names.end(), models.begin(), models.end());
  // What is compared of each: all of it in small letters; of a hub name without its organisation
  // the same where none was asked for.
  const bool has_slash = absl::StrContains(wanted, '/');
  std::vector<std::string> keys;
  for (const std::string& name : names) {
    keys.push_back(absl::AsciiStrToLower(has_slash ? name : WithoutOrganisation(name)));
  }
  const std::string nearest =
      ir::Nearest(absl::AsciiStrToLower(wanted), {keys.begin(), keys.end()});
  if (nearest.empty()) return "";
  const size_t found = std::find(keys.begin(), keys.end(), nearest) - keys.begin();
  return absl::StrCat(" (did you mean '", base::QuoteName(names[found]), "'?)");
}

absl::StatusOr<std::string> FindModelFolder(const std::string& model,
                                            const std::string& default_folder,
                                            const EnvironmentLookup& environment) {
  if (model.empty()) {
    if (IsFolder(default_folder)) return default_folder;
    return absl::NotFoundError(
        absl::StrCat("default model: there is no folder '", base::QuoteName(default_folder), "'"));
  }
  const std::string where = absl::StrCat("model '", base::QuoteName(model), "': ");
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(model, error);
  if (std::filesystem::is_directory(status)) return model;
  if (std::filesystem::exists(status)) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, "is a file; name the folder that holds it"));
  }
  if (status.type() == std::filesystem::file_type::none) {
    return absl::FailedPreconditionError(absl::StrCat(where, error.message()));
  }
  const std::string cache = HubCacheFolder(environment);
  const std::string nearest = NearestModel(model, HubCacheModels(cache));
  if (!IsHubName(model)) {
    return absl::NotFoundError(absl::StrCat(where, "there is no such folder", nearest));
  }
  if (cache.empty()) {
    return absl::NotFoundError(absl::StrCat(
        where, "there is no such folder, and neither HF_HOME nor HOME says where the hub's ",
        "cache is", nearest));
  }
  const std::string repository = HubCacheRepository(cache, model);
  if (!IsFolder(repository)) {
    return absl::NotFoundError(
        absl::StrCat(where, "there is no such folder, and none in the hub's cache, '",
                     base::QuoteName(repository), "'", nearest));
  }
  return MainSnapshot(repository);
}

}  // namespace lluda::frontends
