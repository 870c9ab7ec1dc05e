#include "engine/weight_budget/budget.h"

#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/byte_size.h"

namespace lluda::engine {
namespace {

std::optional<double> NumberOf(absl::string_view text) {
  double number = 0;
  const bool is_number = !text.empty() &&
                         absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
                         absl::SimpleAtod(text, &number);
  if (!is_number || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<double> Nats(absl::string_view text) {
  const std::optional<double> nats = NumberOf(text);
  if (!nats || *nats <= 0) return std::nullopt;
  return nats;
}

// Of the positions, how many may differ.
std::optional<double> Others(absl::string_view text) {
  if (!absl::ConsumeSuffix(&text, "%")) return std::nullopt;
  const std::optional<double> percent = NumberOf(text);
  if (!percent || *percent <= 0 || *percent > 100) return std::nullopt;
  return (100 - *percent) / 100;
}

std::optional<double> Bytes(absl::string_view text) {
  const std::optional<int64_t> bytes = base::ParseByteSize(text);
  if (!bytes || *bytes < 1) return std::nullopt;
  return static_cast<double>(*bytes);
}

struct KindRow {
  absl::string_view prefix;
  Budget::Kind kind;
  std::optional<double> (*read)(absl::string_view text);
  absl::string_view form;
};
constexpr KindRow kKinds[] = {
    {"kl=", Budget::Kind::kKl, Nats, "a number of nats above 0, as in kl=0.01"},
    {"top1=", Budget::Kind::kTop1, Others,
     "a share of positions above 0% and at most 100%, as in top1=99%"},
    {"bytes=", Budget::Kind::kBytes, Bytes, "a size, as in bytes=500M"},
};

}  // namespace

double Budget::Of(const MixtureMeasure& measure) const {
  switch (kind) {
    case Kind::kKl:
      return measure.kl;
    case Kind::kTop1:
      return measure.OtherTop();
    case Kind::kBytes:
      return static_cast<double>(measure.bytes);
  }
  return 0;
}

absl::StatusOr<Budget> ParseBudget(absl::string_view text) {
  for (const KindRow& row : kKinds) {
    absl::string_view amount = text;
    if (!absl::ConsumePrefix(&amount, row.prefix)) continue;
    const std::optional<double> most = row.read(amount);
    if (most) return Budget{row.kind, *most, std::string(text)};
    return absl::InvalidArgumentError(
        absl::StrCat("--budget ", text, ": '", amount, "' is not ", row.form));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--budget must be kl=NATS, top1=PERCENT% or bytes=SIZE, is '", text, "'"));
}

}  // namespace lluda::engine
