#include "frontends/families/rope_reader.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "frontends/families/config_fields.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rope.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;
using decoder::Rope;

constexpr base::NumberRange kThetaRange = {0, 1e12, /*open_min=*/true};
constexpr base::NumberRange kFactorRange = {0, 1e9, /*open_min=*/true};
constexpr base::NumberRange kShareRange = {0, 1, /*open_min=*/true};
constexpr char kShare[] = "partial_rotary_factor";
constexpr char kOriginalContext[] = "original_max_position_embeddings";

// rope_parameters, rope_scaling, or what one of them holds for one type of layer.
struct Rotation {
  base::JsonObject fields;
  std::string type;
  std::optional<double> theta;
  std::optional<double> share;  // of a head that rotates
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

absl::StatusOr<std::optional<double>> ReadOptional(const base::JsonObject& fields,
                                                   absl::string_view key, base::NumberRange range) {
  if (!fields.HasValue(key)) return std::nullopt;
  ASSIGN_OR_RETURN(double value, fields.Number(key, range));
  return value;
}

bool IsOneOf(absl::string_view name, absl::string_view words) {
  const std::vector<absl::string_view> all = absl::StrSplit(words, ' ');
  return std::find(all.begin(), all.end(), name) != all.end();
}

// Whether heads of the family may rotate in part.
bool RotatesPartly(const Family& family) {
  return std::any_of(family.fields.begin(), family.fields.end(), [](const FieldRow& row) {
    return absl::string_view(row.key) == kShare && row.use == FieldUse::kUsed;
  });
}

// What a family takes of a rotation's fields.
absl::StatusOr<Rotation> ReadFields(const Family& family, const base::JsonObject& fields) {
  const auto any = [](absl::string_view) { return true; };
  std::vector<FieldRow> known = RopeFields(family);
  for (FieldRow& row : known) {
    const absl::string_view key = row.key;
    if (key == "rope_type" || key == "type") row.neutral = family.rope_types;
    if (key == kShare && RotatesPartly(family)) row.use = FieldUse::kUsed;
  }
  RETURN_IF_ERROR(CheckFields(fields, known, any));
  ASSIGN_OR_RETURN(std::string type, ReadType(fields));
  if (IsOneOf(type, family.longrope_names)) type = "longrope";
  // What another type would look at has no meaning here.
  known.erase(std::remove_if(known.begin(), known.end(),
                             [&](const FieldRow& row) { return !HasMeaning(row.key, type); }),
              known.end());
  if (const absl::Status meant = CheckFields(fields, known, any); !meant.ok()) {
    const bool says_type = fields.HasValue("rope_type") || fields.HasValue("type");
    if (says_type) return meant;
    return absl::Status(meant.code(), absl::StrCat(meant.message(), " where rope_type is missing"));
  }
  ASSIGN_OR_RETURN(std::optional<double> theta, ReadTheta(fields));
  ASSIGN_OR_RETURN(std::optional<double> share, ReadOptional(fields, kShare, kShareRange));
  return Rotation{fields, std::move(type), theta, share};
}

// `layers` is the type of layer that is asked for; nothing where the object has no part for it. Only
// families whose layers rotate differently may say it by type of layer: of the others transformers
// looks at the object itself.
absl::StatusOr<std::optional<Rotation>> ReadRotation(const Family& family,
                                                     const base::JsonObject& rope,
                                                     absl::string_view layers) {
  if (family.window_rope.theta_field == nullptr) return ReadFields(family, rope);
  if (!rope.Has(kFullAttention) && !rope.Has(kSlidingAttention)) {
    // Said of all layers, but for those with a window and a base of their own.
    if (layers == kSlidingAttention) return std::nullopt;
    return ReadFields(family, rope);
  }
  constexpr FieldRow kByLayerType[] = {{kFullAttention, FieldUse::kUsed},
                                       {kSlidingAttention, FieldUse::kUsed}};
  const auto any = [](absl::string_view) { return true; };
  RETURN_IF_ERROR(CheckFields(rope, kByLayerType, any));
  if (!rope.HasValue(layers)) return std::nullopt;
  ASSIGN_OR_RETURN(base::JsonObject rotation, rope.Object(layers));
  return ReadFields(family, rotation);
}

// A factor for each pair.
absl::StatusOr<std::vector<float>> ReadFactors(const base::JsonObject& fields,
                                               absl::string_view key, int64_t pairs) {
  simdjson::dom::array list;
  if (fields.dom()[base::ToStd(key)].get(list) != simdjson::SUCCESS) {
    return fields.FieldError(key, "must be a list of numbers");
  }
  std::vector<float> factors;
  for (const simdjson::dom::element element : list) {
    double value = 0;
    if (element.get(value) != simdjson::SUCCESS || !(value > 0) || value > kFactorRange.max) {
      return fields.FieldError(
          key, absl::StrCat("must hold numbers above 0 and at most ", kFactorRange.max, ", holds ",
                            base::DescribeJson(element)));
    }
    factors.push_back(static_cast<float>(value));
  }
  if (static_cast<int64_t>(factors.size()) == pairs) return factors;
  return fields.FieldError(
      key, absl::StrCat("must have an item for each of ", pairs, " pairs, has ", factors.size()));
}

// Makes the rope that a rotation stands for.
class RopeMaker {
 public:
  RopeMaker(const Family& family, const base::JsonObject& config, const Decoder& decoder)
      : family_(family), config_(config), decoder_(decoder) {}

  absl::StatusOr<Rope> Make(const Rotation& rotation, double theta) {
    Rope rope;
    rope.theta = theta;
    if (rotation.type == "default") return rope;
    if (rotation.type == "linear") return MakeLinear(rotation, std::move(rope));
    if (rotation.type == "llama3") return MakeLlama3(rotation, std::move(rope));
    if (rotation.type == "yarn") return MakeYarn(rotation, std::move(rope));
    return MakeLongRope(rotation, std::move(rope));
  }

 private:
  int64_t dim() const { return decoder_.rotated_dim(); }

  static absl::StatusOr<double> Required(const Rotation& rotation, absl::string_view key) {
    return rotation.fields.Number(key, kFactorRange);
  }
  static absl::StatusOr<std::optional<double>> Optional(const Rotation& rotation,
                                                        absl::string_view key) {
    return ReadOptional(rotation.fields, key, kFactorRange);
  }

  // The context of the training before the stretch: said there or beside, and else `absent`.
  absl::StatusOr<double> OriginalContext(const Rotation& rotation, std::optional<double> absent) {
    ASSIGN_OR_RETURN(const std::optional<double> own, Optional(rotation, kOriginalContext));
    ASSIGN_OR_RETURN(std::optional<double> beside,
                     ReadOptional(config_, kOriginalContext, kFactorRange));
    if (!beside && family_.original_context != 0) {
      beside = static_cast<double>(family_.original_context);
    }
    if (own && beside && *own != *beside) {
      return rotation.fields.FieldError(
          kOriginalContext, absl::StrCat("is ", *own, ", but beside rope_scaling it is ", *beside));
    }
    if (own) return *own;
    if (beside) return *beside;
    if (absent) return *absent;
    return Required(rotation, kOriginalContext);  // which says that it is missing
  }

  absl::StatusOr<Rope> MakeLinear(const Rotation& rotation, Rope rope) {
    ASSIGN_OR_RETURN(double factor, Required(rotation, "factor"));
    rope.frequencies = LinearFrequencies(rope.theta, dim(), factor);
    return rope;
  }

  absl::StatusOr<Rope> MakeLlama3(const Rotation& rotation, Rope rope) {
    ASSIGN_OR_RETURN(double factor, Required(rotation, "factor"));
    ASSIGN_OR_RETURN(double low, Required(rotation, "low_freq_factor"));
    ASSIGN_OR_RETURN(double high, Required(rotation, "high_freq_factor"));
    if (high <= low) {
      return rotation.fields.FieldError(
          "high_freq_factor",
          absl::StrCat("must be more than low_freq_factor, ", low, ", is ", high));
    }
    ASSIGN_OR_RETURN(double original, OriginalContext(rotation, std::nullopt));
    rope.frequencies = Llama3Frequencies(rope.theta, dim(), {factor, low, high, original});
    return rope;
  }

  absl::StatusOr<Rope> MakeYarn(const Rotation& rotation, Rope rope) {
    ASSIGN_OR_RETURN(double factor, Required(rotation, "factor"));
    YarnStretch stretch{factor, 0};
    ASSIGN_OR_RETURN(stretch.original_context,
                     OriginalContext(rotation, decoder_.max_position_embeddings));
    const std::pair<const char*, double*> turns[] = {{"beta_fast", &stretch.fast_turns},
                                                     {"beta_slow", &stretch.slow_turns}};
    for (const auto& [key, value] : turns) {
      RETURN_IF_ERROR(ReadNumber(rotation.fields, key, kFactorRange, value));
    }
    if (stretch.fast_turns < stretch.slow_turns) {
      return rotation.fields.FieldError(
          "beta_fast", absl::StrCat("must be at least beta_slow, ", stretch.slow_turns, ", is ",
                                    stretch.fast_turns));
    }
    if (rope.theta <= 1) {
      return rotation.fields.FieldError("rope_type", "needs a rope_theta of more than 1");
    }
    RETURN_IF_ERROR(ReadBool(rotation.fields, "truncate", &stretch.whole_pairs));
    ASSIGN_OR_RETURN(rope.multiplier, YarnMultiplier(rotation, factor));
    rope.frequencies = YarnFrequencies(rope.theta, dim(), stretch);
    return rope;
  }

  static absl::StatusOr<double> YarnMultiplier(const Rotation& rotation, double factor) {
    ASSIGN_OR_RETURN(const std::optional<double> given, Optional(rotation, "attention_factor"));
    ASSIGN_OR_RETURN(const std::optional<double> scale, Optional(rotation, "mscale"));
    ASSIGN_OR_RETURN(const std::optional<double> all, Optional(rotation, "mscale_all_dim"));
    const auto multiplier = [&](double by) {
      return factor <= 1 ? 1.0 : 0.1 * by * std::log(factor) + 1;
    };
    if (given) return *given;
    return scale && all ? multiplier(*scale) / multiplier(*all) : multiplier(1);
  }

  absl::StatusOr<Rope> MakeLongRope(const Rotation& rotation, Rope rope) {
    const auto context = static_cast<double>(decoder_.max_position_embeddings);
    ASSIGN_OR_RETURN(const double original, OriginalContext(rotation, context));
    ASSIGN_OR_RETURN(const std::optional<double> given, Optional(rotation, "attention_factor"));
    ASSIGN_OR_RETURN(const std::optional<double> stretch, Optional(rotation, "factor"));
    const double factor = stretch.value_or(context / original);
    if (given) {
      rope.multiplier = *given;
    } else if (factor > 1) {
      rope.multiplier = std::sqrt(1 + std::log(factor) / std::log(original));
    }
    const auto frequencies = [&](absl::string_view key) -> absl::StatusOr<std::vector<float>> {
      ASSIGN_OR_RETURN(const std::vector<float> factors,
                       ReadFactors(rotation.fields, key, dim() / 2));
      return LongRopeFrequencies(rope.theta, dim(), factors);
    };
    ASSIGN_OR_RETURN(rope.frequencies, frequencies("short_factor"));
    ASSIGN_OR_RETURN(rope.long_frequencies, frequencies("long_factor"));
    rope.short_context = static_cast<int64_t>(original);
    return rope;
  }

  const Family& family_;
  const base::JsonObject& config_;
  const Decoder& decoder_;
};

// How much of a head rotates.
absl::Status ReadShare(const base::JsonObject& fields, const std::vector<Rotation>& rotations,
                       Decoder* decoder) {
  ASSIGN_OR_RETURN(std::optional<double> share, ReadOptional(fields, kShare, kShareRange));
  for (const Rotation& rotation : rotations) {
    if (rotation.share && share && *rotation.share != *share) {
      return rotation.fields.FieldError(
          kShare, absl::StrCat("is ", *rotation.share, ", but elsewhere it is ", *share));
    }
    if (rotation.share) share = rotation.share;
  }
  if (!share) return absl::OkStatus();
  const auto rotated = static_cast<int64_t>(static_cast<double>(decoder->head_dim) * *share);
  if (rotated < 2 || rotated % 2 != 0) {
    return fields.FieldError(kShare, absl::StrCat("of a head of ", decoder->head_dim, " gives ",
                                                  rotated, " elements, which are no pairs"));
  }
  if (rotated != decoder->head_dim) decoder->rotary_dim = rotated;
  return absl::OkStatus();
}

// The base may be said in three places. transformers takes rope_scaling instead of rope_parameters
// if it holds anything, and the field beside them for what the taken one lacks. Where another place
// says another number, some version of it would have taken that one: such a config is refused.
struct Places {
  std::vector<Rotation> rotations;  // that which counts comes first
  std::optional<double> theta;
};

absl::StatusOr<Places> FindPlaces(const Family& family, const base::JsonObject& fields,
                                  absl::string_view layers, const std::optional<double>& beside) {
  Places places;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!fields.HasValue(key)) continue;
    ASSIGN_OR_RETURN(base::JsonObject rope, fields.Object(key));
    if (rope.dom().size() == 0) continue;
    ASSIGN_OR_RETURN(std::optional<Rotation> found, ReadRotation(family, rope, layers));
    if (!found) continue;
    const Rotation& rotation = *found;
    const std::optional<double>& own = rotation.theta;
    if (places.rotations.empty()) places.theta = own ? own : beside;
    places.rotations.push_back(rotation);
    for (const std::optional<double>& other : {beside, places.theta}) {
      if (!own || !other || *own == *other) continue;
      return rotation.fields.FieldError(
          "rope_theta", absl::StrCat("is ", *own, ", but elsewhere rope_theta is ", *other));
    }
    if (own && !places.theta) {
      return rotation.fields.FieldError("rope_theta", "is passed over, for rope_scaling has none");
    }
  }
  if (places.rotations.empty()) places.theta = beside;
  return places;
}

absl::StatusOr<Rope> MakeRope(const Places& places, double absent, RopeMaker* maker) {
  const double base = places.theta.value_or(absent);
  Rope taken;
  taken.theta = base;
  for (const Rotation& rotation : places.rotations) {
    ASSIGN_OR_RETURN(Rope made, maker->Make(rotation, base));
    if (&rotation == &places.rotations[0]) {
      taken = std::move(made);
    } else if (!(made == taken)) {
      return rotation.fields.FieldError("rope_type",
                                        "and what belongs to it contradict rope_scaling");
    }
  }
  return taken;
}

}  // namespace

absl::Status ReadRopes(const Family& family, const base::JsonObject& fields, Decoder* decoder) {
  ASSIGN_OR_RETURN(const std::optional<double> beside, ReadTheta(fields));
  ASSIGN_OR_RETURN(const Places full, FindPlaces(family, fields, kFullAttention, beside));
  RETURN_IF_ERROR(ReadShare(fields, full.rotations, decoder));
  RopeMaker maker(family, fields, *decoder);
  ASSIGN_OR_RETURN(Rope rope, MakeRope(full, family.defaults.rope_theta, &maker));
  std::vector<Rope> ropes = {std::move(rope)};
  if (const char* key = family.window_rope.theta_field; key != nullptr) {
    ASSIGN_OR_RETURN(const std::optional<double> local, ReadOptional(fields, key, kThetaRange));
    ASSIGN_OR_RETURN(const Places windows, FindPlaces(family, fields, kSlidingAttention, local));
    ASSIGN_OR_RETURN(Rope other, MakeRope(windows, family.window_rope.theta, &maker));
    ropes.push_back(std::move(other));
  }
  decoder->ropes = std::move(ropes);
  return absl::OkStatus();
}

}  // namespace lluda::frontends::families
