#include "frontends/gguf/file/gguf_file.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json.h"
#include "base/status_macros.h"

namespace lluda::frontends::gguf {
namespace {

constexpr absl::string_view kExtension = ".gguf";
constexpr char kPartKey[] = "split.no";
constexpr char kPartsKey[] = "split.count";
constexpr char kTensorsKey[] = "split.tensors.count";
constexpr char kArchitectureKey[] = "general.architecture";
constexpr int64_t kMostParts = 99999;
constexpr int64_t kMostTensors = int64_t{1} << 40;

absl::StatusOr<GgufFile::Part> OpenPart(const std::string& path) {
  GgufFile::Part part;
  part.path = path;
  ASSIGN_OR_RETURN(base::MappedFile file, base::MappedFile::Open(path));
  part.file = std::make_shared<const base::MappedFile>(std::move(file));
  ASSIGN_OR_RETURN(part.container, ParseGguf(path, part.file->bytes()));
  return part;
}

// "-00002-of-00003.gguf"
std::string PartSuffix(int64_t part, int64_t parts) {
  return absl::StrFormat("-%05d-of-%05d%s", part + 1, parts, kExtension);
}

// How many parts the file says there are; 1 if it says nothing.
absl::StatusOr<int64_t> PartsOf(const Metadata& metadata) {
  if (!metadata.Has(kPartsKey)) return 1;
  return metadata.Int(kPartsKey, 0, kMostParts);
}

// What a part after the first says of the whole, if it says it, is what the first says.
absl::Status CheckAgreement(const Metadata& first, const Metadata& other) {
  if (first.Has(kTensorsKey) && other.Has(kTensorsKey)) {
    ASSIGN_OR_RETURN(const int64_t all, first.Int(kTensorsKey, 0, kMostTensors));
    ASSIGN_OR_RETURN(const int64_t own, other.Int(kTensorsKey, 0, kMostTensors));
    if (own != all) {
      return other.Error(kTensorsKey,
                         absl::StrCat("must be ", all, " as in the first part, is ", own));
    }
  }
  if (first.Has(kArchitectureKey) && other.Has(kArchitectureKey)) {
    ASSIGN_OR_RETURN(const absl::string_view all, first.String(kArchitectureKey));
    ASSIGN_OR_RETURN(const absl::string_view own, other.String(kArchitectureKey));
    if (own != all) {
      return other.Error(kArchitectureKey,
                         absl::StrCat("must be '", base::QuoteName(all),
                                      "' as in the first part, is '", base::QuoteName(own), "'"));
    }
  }
  return absl::OkStatus();
}

// A part after the first says the same of the split, and has its own number.
absl::Status CheckPart(const Metadata& first, const Metadata& metadata, int64_t number,
                       int64_t parts) {
  ASSIGN_OR_RETURN(const int64_t count, metadata.Int(kPartsKey, 0, kMostParts));
  if (count != parts) {
    return metadata.Error(kPartsKey,
                          absl::StrCat("must be ", parts, " as in the first part, is ", count));
  }
  ASSIGN_OR_RETURN(const int64_t own, metadata.Int(kPartKey, 0, kMostParts));
  if (own == number) return CheckAgreement(first, metadata);
  return metadata.Error(kPartKey, absl::StrCat("must be ", number, " in this part, is ", own));
}

}  // namespace

bool GgufFile::Looks(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return false;
  if (absl::EndsWith(path, kExtension)) return true;
  // A FIFO would keep its reader waiting.
  if (!std::filesystem::is_regular_file(status)) return false;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> start{};
  file.read(start.data(), start.size());
  return LooksLikeGguf({start.data(), static_cast<size_t>(file.gcount())});
}

absl::StatusOr<GgufFile> GgufFile::Open(const std::string& path) {
  GgufFile file;
  ASSIGN_OR_RETURN(Part first, OpenPart(path));
  file.metadata_ = std::make_unique<Metadata>(path, first.container.entries);
  file.parts_.push_back(std::move(first));
  RETURN_IF_ERROR(file.OpenOthers());
  return file;
}

absl::Status GgufFile::OpenOthers() {
  ASSIGN_OR_RETURN(const int64_t parts, PartsOf(*metadata_));
  if (parts <= 1) return absl::OkStatus();
  const std::string path = parts_[0].path;
  ASSIGN_OR_RETURN(const int64_t own, metadata_->Int(kPartKey, 0, parts - 1));
  if (own != 0) {
    return metadata_->Error(kPartKey, absl::StrCat("is ", own, ": this is part ", own + 1, " of ",
                                                   parts, "; the first one names the model"));
  }
  const std::string suffix = PartSuffix(0, parts);
  if (!absl::EndsWith(path, suffix)) {
    return metadata_->Error(kPartsKey,
                            absl::StrCat("is ", parts, ", so the file's name must end in ", suffix,
                                         " for the others to be found"));
  }
  const std::string prefix = path.substr(0, path.size() - suffix.size());
  absl::flat_hash_set<std::string> names;
  for (int64_t part = 0; part < parts; ++part) {
    if (part > 0) {
      const std::string other = absl::StrCat(prefix, PartSuffix(part, parts));
      absl::StatusOr<Part> opened = OpenPart(other);
      if (absl::IsNotFound(opened.status())) {
        return absl::NotFoundError(
            absl::StrCat(path, ": part ", part + 1, " of ", parts, " is missing: ", other));
      }
      if (!opened.ok()) return opened.status();
      RETURN_IF_ERROR(
          CheckPart(*metadata_, Metadata(other, opened->container.entries), part, parts));
      parts_.push_back(*std::move(opened));
    }
    for (const Tensor& tensor : parts_.back().container.tensors) {
      if (names.emplace(tensor.name).second) continue;
      return absl::InvalidArgumentError(absl::StrCat(parts_.back().path, ": tensor '",
                                                     base::QuoteName(tensor.name),
                                                     "' is in an earlier part, too"));
    }
  }
  if (!metadata_->Has(kTensorsKey)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t tensors, metadata_->Int(kTensorsKey, 0, kMostTensors));
  if (tensors == static_cast<int64_t>(names.size())) return absl::OkStatus();
  return metadata_->Error(kTensorsKey, absl::StrCat("is ", tensors, ", but the ", parts,
                                                    " parts hold ", names.size(), " tensors"));
}

std::vector<TensorFile> GgufFile::TensorFiles() const {
  std::vector<TensorFile> files;
  for (const Part& part : parts_) {
    std::vector<TensorView> views;
    for (const Tensor& tensor : part.container.tensors) {
      views.push_back({std::string(tensor.name), tensor.type->dtype, std::string(tensor.type->name),
                       tensor.shape, tensor.bytes.data(), tensor.bytes.size()});
    }
    files.emplace_back(part.path, part.file, std::move(views));
  }
  return files;
}

}  // namespace lluda::frontends::gguf
