#include "frontends/families/rope_reader.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_fields.h"
#include "frontends/families/rope.h"

namespace lluda::frontends::families {
namespace {

constexpr base::NumberRange kThetaRange = {0, 1e12, /*open_min=*/true};
constexpr base::NumberRange kFactorRange = {0, 1e9, /*open_min=*/true};

// rope_parameters, rope_scaling, or what one of them holds for the one type of layer.
struct Rotation {
  base::JsonObject fields;
  std::string type;
  std::optional<double> theta;
};

// The base of rotary embedding in an object or in the config itself. Null is the same as absent.
absl::StatusOr<std::optional<double>> ReadTheta(const base::JsonObject& fields) {
  if (!fields.HasValue("rope_theta")) return std::nullopt;
  ASSIGN_OR_RETURN(double theta, fields.Number("rope_theta", kThetaRange));
  return theta;
}

// What kind of rotation it is: rope_type, or type, as older files spell it.
absl::StatusOr<std::string> ReadType(const base::JsonObject& rotation) {
  std::string type = "default";
  bool found = false;
  for (const char* key : {"rope_type", "type"}) {
    if (!rotation.HasValue(key)) continue;
    ASSIGN_OR_RETURN(std::string name, rotation.String(key));
    if (found && name != type) {
      return rotation.FieldError(
          key, absl::StrCat("is '", base::QuoteName(name), "', but rope_type is '",
                            base::QuoteName(type), "'"));
    }
    type = std::move(name);
    found = true;
  }
  return type;
}

// What a family takes of a rotation's fields.
absl::StatusOr<Rotation> ReadFields(const Family& family, const base::JsonObject& fields) {
  const auto any = [](absl::string_view) { return true; };
  std::vector<FieldRow> known(RopeFields().begin(), RopeFields().end());
  for (FieldRow& row : known) {
    const absl::string_view key = row.key;
    if (key == "rope_type" || key == "type") row.neutral = family.rope_types;
  }
  RETURN_IF_ERROR(CheckFields(fields, known, any));
  ASSIGN_OR_RETURN(std::string type, ReadType(fields));
  // What another type would look at has no meaning here.
  known.erase(std::remove_if(known.begin(), known.end(),
                             [&](const FieldRow& row) { return !HasMeaning(row.key, type); }),
              known.end());
  RETURN_IF_ERROR(CheckFields(fields, known, any));
  ASSIGN_OR_RETURN(std::optional<double> theta, ReadTheta(fields));
  return Rotation{fields, std::move(type), theta};
}

absl::StatusOr<Rotation> ReadRotation(const Family& family, const base::JsonObject& rope) {
  if (!rope.Has(kFullAttention)) return ReadFields(family, rope);
  constexpr FieldRow kByLayerType[] = {{kFullAttention, FieldUse::kUsed}};
  const auto any = [](absl::string_view) { return true; };
  RETURN_IF_ERROR(CheckFields(rope, kByLayerType, any));
  ASSIGN_OR_RETURN(base::JsonObject rotation, rope.Object(kFullAttention));
  return ReadFields(family, rotation);
}

absl::StatusOr<decoder::Rope> MakeRope(const Rotation& rotation, double theta, int64_t head_dim) {
  decoder::Rope rope;
  rope.theta = theta;
  if (rotation.type == "default") return rope;
  const auto number = [&](absl::string_view key) {
    return rotation.fields.Number(key, kFactorRange);
  };
  ASSIGN_OR_RETURN(double factor, number("factor"));
  if (rotation.type == "linear") {
    rope.frequencies = LinearFrequencies(theta, head_dim, factor);
    return rope;
  }
  ASSIGN_OR_RETURN(double low, number("low_freq_factor"));
  ASSIGN_OR_RETURN(double high, number("high_freq_factor"));
  if (high <= low) {
    return rotation.fields.FieldError(
        "high_freq_factor",
        absl::StrCat("must be more than low_freq_factor, ", low, ", is ", high));
  }
  ASSIGN_OR_RETURN(double original, number("original_max_position_embeddings"));
  rope.frequencies = Llama3Frequencies(theta, head_dim, {factor, low, high, original});
  return rope;
}

}  // namespace

// The base may be said in three places. transformers takes rope_scaling instead of rope_parameters
// if it holds anything, and the field beside them for what the taken one lacks. Where another place
// says another number, some version of it would have taken that one: such a config is refused.
absl::StatusOr<decoder::Rope> ReadRope(const Family& family, const base::JsonObject& fields,
                                       int64_t head_dim) {
  ASSIGN_OR_RETURN(const std::optional<double> beside, ReadTheta(fields));
  std::optional<double> theta;
  std::vector<Rotation> rotations;  // that which counts comes first
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!fields.HasValue(key)) continue;
    ASSIGN_OR_RETURN(base::JsonObject rope, fields.Object(key));
    if (rope.dom().size() == 0) continue;
    ASSIGN_OR_RETURN(Rotation rotation, ReadRotation(family, rope));
    const std::optional<double>& own = rotation.theta;
    if (rotations.empty()) theta = own ? own : beside;
    rotations.push_back(rotation);
    for (const std::optional<double>& other : {beside, theta}) {
      if (!own || !other || *own == *other) continue;
      return rotation.fields.FieldError(
          "rope_theta", absl::StrCat("is ", *own, ", but elsewhere rope_theta is ", *other));
    }
    if (own && !theta) {
      return rotation.fields.FieldError("rope_theta", "is passed over, for rope_scaling has none");
    }
  }
  if (rotations.empty()) theta = beside;
  const double base = theta.value_or(family.defaults.rope_theta);
  decoder::Rope taken;
  taken.theta = base;
  for (const Rotation& rotation : rotations) {
    ASSIGN_OR_RETURN(decoder::Rope made, MakeRope(rotation, base, head_dim));
    if (&rotation == &rotations[0]) {
      taken = std::move(made);
    } else if (!(made == taken)) {
      return rotation.fields.FieldError("rope_type",
                                        "and what belongs to it contradict rope_scaling");
    }
  }
  return taken;
}

}  // namespace lluda::frontends::families
