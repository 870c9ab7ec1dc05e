#include "frontends/hub_cache.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace lluda::frontends {
namespace {

constexpr absl::string_view kModelPrefix = "models--";

struct CacheRule {
  const char* variable;
  absl::string_view below;  // the cache's path below the variable's value
};

// The first that is set counts; ~/.cache stands for XDG_CACHE_HOME where none is.
constexpr CacheRule kCacheRules[] = {
    {"HF_HUB_CACHE", ""},
    {"HUGGINGFACE_HUB_CACHE", ""},
    {"HF_HOME", "/hub"},
    {"XDG_CACHE_HOME", "/huggingface/hub"},
};

// The home folder that "~" or "~user" names, without the slash at its end.
std::optional<std::string> Home(absl::string_view tilde, const EnvironmentLookup& environment) {
  std::string home;
  if (const char* own = environment("HOME"); tilde == "~" && own != nullptr) {
    home = own;
  } else {
    const std::string user(tilde.substr(1));
    const passwd* entry = user.empty() ? getpwuid(getuid()) : getpwnam(user.c_str());
    if (entry == nullptr) return std::nullopt;
    home = entry->pw_dir;
  }
  while (absl::EndsWith(home, "/")) home.pop_back();
  return home;
}

std::string ExpandUser(absl::string_view path, const EnvironmentLookup& environment) {
  if (!absl::StartsWith(path, "~")) return std::string(path);
  const absl::string_view tilde = path.substr(0, path.find('/'));
  const std::optional<std::string> home = Home(tilde, environment);
  if (!home) return std::string(path);
  std::string expanded = absl::StrCat(*home, path.substr(tilde.size()));
  return expanded.empty() ? "/" : expanded;
}

// How much of `text` behind a '$' names a variable: NAME or {NAME}; 0 if nothing does.
size_t NameLength(absl::string_view text) {
  if (absl::StartsWith(text, "{")) {
    const size_t end = text.find('}');
    return end == absl::string_view::npos ? 0 : end + 1;
  }
  size_t length = 0;
  while (length < text.size() && (absl::ascii_isalnum(text[length]) || text[length] == '_')) {
    ++length;
  }
  return length;
}

std::string ExpandVariables(absl::string_view path, const EnvironmentLookup& environment) {
  std::string expanded;
  while (!path.empty()) {
    const size_t length = path.front() == '$' ? NameLength(path.substr(1)) : 0;
    const absl::string_view written = path.substr(0, length + 1);
    absl::string_view name = written.substr(1);
    if (absl::ConsumePrefix(&name, "{")) absl::ConsumeSuffix(&name, "}");
    const char* value = length == 0 ? nullptr : environment(std::string(name).c_str());
    absl::StrAppend(&expanded, value == nullptr ? written : absl::string_view(value));
    path.remove_prefix(written.size());
  }
  return expanded;
}

}  // namespace

std::string ExpandPath(absl::string_view path, const EnvironmentLookup& environment) {
  return ExpandVariables(ExpandUser(path, environment), environment);
}

std::string HubCacheFolder(const EnvironmentLookup& environment) {
  std::string base = "~/.cache";
  absl::string_view below = "/huggingface/hub";
  for (const CacheRule& rule : kCacheRules) {
    const char* value = environment(rule.variable);
    if (value == nullptr || *value == '\0') continue;
    base = value;
    below = rule.below;
    break;
  }
  base = ExpandPath(base, environment);
  if (base == "~/.cache") return "";
  // huggingface_hub expands HF_HOME, and once more what it derives from it.
  return below.empty() ? base : ExpandPath(absl::StrCat(base, below), environment);
}

std::vector<std::string> HubCacheModels(const std::string& folder) {
  std::vector<std::string> models;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    absl::string_view name = file;
    if (!absl::ConsumePrefix(&name, kModelPrefix)) continue;
    models.push_back(absl::StrReplaceAll(name, {{"--", "/"}}));
  }
  std::sort(models.begin(), models.end());
  return models;
}

std::string HubCacheRepository(absl::string_view folder, absl::string_view model) {
  return absl::StrCat(folder, "/", kModelPrefix, absl::StrReplaceAll(model, {{"/", "--"}}));
}

}  // namespace lluda::frontends
