#include "engine/source/model_source.h"

#include <filesystem>

namespace lluda::engine {

std::string NameOfPath(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

}  // namespace lluda::engine
