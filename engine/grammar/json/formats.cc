#include "engine/grammar/json/formats.h"

#include <utility>

#include "absl/strings/str_replace.h"

namespace lluda::grammar {
namespace {

// Patterns are written with the names of others in angle brackets.
using Part = std::pair<absl::string_view, absl::string_view>;

// A later part may use earlier ones.
constexpr Part kParts[] = {
    // The proleptic Gregorian calendar, years 1 to 9999.
    {"<year>", "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"},
    {"<leap>", "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"},
    {"<date>",
     "(<year>-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
     "02-(0[1-9]|1[0-9]|2[0-8]))|<leap>-02-29)"},
    {"<hour>", "([01][0-9]|2[0-3])"},
    // RFC 3339's full-time.
    {"<time>", "(<hour>:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]<hour>:[0-5][0-9]))"},
    {"<label>", "([A-Za-z0-9](-?[A-Za-z0-9]){0,20})"},
    {"<host>", "((<label>\\.){0,5}[A-Za-z](-?[A-Za-z0-9]){0,20})"},
    {"<atom>", "([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20})"},
    {"<octet>", "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"},
    {"<h>", "([0-9A-Fa-f]{1,4})"},
    {"<n>", "([0-9]{1,9})"},
};

constexpr Part kFormats[] = {
    {"date", "<date>"},
    {"time", "<time>"},
    {"date-time", "<date>T<time>"},
    // RFC 3339, appendix A.
    {"duration",
     "P(<n>W|(<n>D|<n>M(<n>D)?|<n>Y(<n>M(<n>D)?)?)(T(<n>S|<n>M(<n>S)?|<n>H(<n>M(<n>S)?)?))?|"
     "T(<n>S|<n>M(<n>S)?|<n>H(<n>M(<n>S)?)?))"},
    {"email", "<atom>(\\.<atom>){0,2}@(<label>\\.){1,3}[A-Za-z](-?[A-Za-z0-9]){0,20}"},
    {"hostname", "<host>"},
    {"ipv4", "<octet>(\\.<octet>){3}"},
    {"ipv6",
     "((<h>:){7}<h>|(<h>:){1,7}:|(<h>:){1,6}:<h>|(<h>:){1,5}(:<h>){1,2}|(<h>:){1,4}(:<h>){1,3}|"
     "(<h>:){1,3}(:<h>){1,4}|(<h>:){1,2}(:<h>){1,5}|<h>:(:<h>){1,6}|:((:<h>){1,7}|:))"},
    {"uuid", "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"},
};

}  // namespace

std::optional<std::string> FormatPattern(absl::string_view name) {
  for (const auto& [format, text] : kFormats) {
    if (format != name) continue;
    std::string pattern(text);
    for (size_t i = std::size(kParts); i-- > 0;) {
      absl::StrReplaceAll({kParts[i]}, &pattern);
    }
    return pattern;
  }
  return std::nullopt;
}

}  // namespace lluda::grammar
