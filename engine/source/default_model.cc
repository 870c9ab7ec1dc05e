#include "engine/source/default_model.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace lluda::engine {
namespace {

constexpr char kStories[] = "reference_data/stories";

bool IsModel(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / "config.json", ignored);
}

}  // namespace

std::string FindDefaultModel(const char* root, const std::string& binary) {
  if (root != nullptr && *root != '\0') return (std::filesystem::path(root) / kStories).string();
  const std::filesystem::path path(binary);
  const std::filesystem::path runfiles = binary + ".runfiles/lluda";
  if (IsModel(runfiles / kStories)) return (runfiles / kStories).string();
  for (std::filesystem::path folder = path.parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    if (IsModel(folder / kStories)) return (folder / kStories).string();
    if (folder == folder.parent_path()) break;
  }
  return kStories;
}

std::string DefaultModelFolder() {
  std::error_code error;
  const std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", error);
  return FindDefaultModel(std::getenv("LLUDA_ROOT"), error ? "" : binary.string());
}

}  // namespace lluda::engine
