#include "frontends/families/families.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr const Family* kFamilies[] = {&kGemma2,   &kGemma3,  &kGemma3Text, &kGranite,  &kLlama,
                                       &kMistral,  &kMixtral, &kOlmo2,      &kPhi3,     &kQwen2,
                                       &kQwen2Moe, &kQwen3,   &kQwen3Asr,   &kQwen3Moe, &kSmolLm3};

// First of all, so that a config of another family is refused for that and not for a field.
absl::StatusOr<const Family*> FindFamily(const base::JsonObject& fields) {
  ASSIGN_OR_RETURN(const std::string type, fields.String("model_type"));
  std::vector<absl::string_view> known;
  for (const Family* family : kFamilies) {
    if (type == family->model_type) return family;
    known.push_back(family->model_type);
  }
  return absl::UnimplementedError(
      absl::StrCat(UnsupportedName(fields, "model_type", type).message(), "; the families are ",
                   absl::StrJoin(known, ", ")));
}

absl::StatusOr<decoder::Decoder> ReadAny(const base::JsonObject& fields) {
  ASSIGN_OR_RETURN(const Family* family, FindFamily(fields));
  return ReadConfig(*family, fields);
}

}  // namespace

absl::Span<const Family* const> AllFamilies() { return kFamilies; }

absl::StatusOr<decoder::Decoder> LoadConfig(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/config.json");
  ASSIGN_OR_RETURN(const base::JsonDocument document, base::JsonDocument::Load(path));
  return ReadAny(document.root());
}

absl::StatusOr<decoder::Decoder> ParseConfig(const std::string& label, absl::string_view text) {
  ASSIGN_OR_RETURN(const base::JsonDocument document, base::JsonDocument::Parse(label, text));
  return ReadAny(document.root());
}

}  // namespace lluda::frontends::families
