#include "base/byte_size.h"

#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace lluda::base {
namespace {

constexpr absl::string_view kUnits = "KMGTP";

// What `*size` ends with, which is taken off: 1 if that is no unit.
double TakeUnit(absl::string_view* size) {
  absl::string_view rest = *size;
  const bool has_i = absl::ConsumeSuffix(&rest, "IB");
  if (!has_i) absl::ConsumeSuffix(&rest, "B");
  const size_t unit = rest.empty() ? absl::string_view::npos : kUnits.find(rest.back());
  if (unit == absl::string_view::npos) {
    if (!has_i) *size = rest;
    return 1;
  }
  *size = absl::StripTrailingAsciiWhitespace(rest.substr(0, rest.size() - 1));
  return std::ldexp(1.0, 10 * (static_cast<int>(unit) + 1));
}

}  // namespace

std::optional<int64_t> ParseByteSize(absl::string_view text) {
  const std::string upper = absl::AsciiStrToUpper(text);
  absl::string_view size = upper;
  const double unit = TakeUnit(&size);
  double number = 0;
  // No sign, no infinity, no name of what is no number.
  if (size.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(size[0])) ||
      !absl::SimpleAtod(size, &number)) {
    return std::nullopt;
  }
  const double bytes = std::floor(number * unit);
  const bool is_part = unit == 1 && bytes != number;
  if (is_part || !(bytes < 0x1p63)) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

}  // namespace lluda::base
