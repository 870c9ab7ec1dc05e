#include "serve/api/multipart.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace lluda::api {
namespace {

constexpr absl::string_view kFormType = "multipart/form-data";
constexpr absl::string_view kLineEnd = "\r\n";
constexpr size_t kLongestBoundary = 70;  // bytes, by RFC 2046
constexpr size_t kLongestHead = 8192;    // of a part

ApiError Invalid(absl::string_view reason) {
  return {400, "invalid_form", "", absl::StrCat("the request's form ", reason)};
}

// What stands before the first `;`.
absl::string_view KindOf(absl::string_view value) {
  return absl::StripAsciiWhitespace(value.substr(0, value.find(';')));
}

// The value of `name=value` or `name="value"` behind the first `;`; whether there is one. In quotes,
// `\` stands before a quote that is meant, and browsers write %22 for one.
bool FindParameter(absl::string_view value, absl::string_view name, std::string* found) {
  size_t at = value.find(';');
  while (at < value.size()) {
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(value.substr(at + 1));
    const size_t equals = rest.find('=');
    if (equals == absl::string_view::npos) return false;
    const bool is_it =
        absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(rest.substr(0, equals)), name);
    rest = absl::StripLeadingAsciiWhitespace(rest.substr(equals + 1));
    std::string text;
    size_t end = 0;
    if (absl::StartsWith(rest, "\"")) {
      for (end = 1; end < rest.size() && rest[end] != '"'; ++end) {
        if (rest[end] == '\\' && end + 1 < rest.size()) ++end;
        text += rest[end];
      }
      if (end >= rest.size()) return false;
      ++end;
    } else {
      end = std::min(rest.find(';'), rest.size());
      text = std::string(absl::StripAsciiWhitespace(rest.substr(0, end)));
    }
    if (is_it) {
      *found = text;
      return true;
    }
    const size_t next = rest.find(';', end);
    if (next == absl::string_view::npos) return false;
    at = static_cast<size_t>(rest.data() - value.data()) + next;
  }
  return false;
}

// The value of a header among a part's, "" if it has none.
absl::string_view HeaderOf(absl::string_view head, absl::string_view name) {
  while (!head.empty()) {
    const size_t end = std::min(head.find(kLineEnd), head.size());
    const absl::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + kLineEnd.size(), head.size()));
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) continue;
    if (absl::EqualsIgnoreCase(line.substr(0, colon), name)) {
      return absl::StripAsciiWhitespace(line.substr(colon + 1));
    }
  }
  return "";
}

Refusal ReadPart(absl::string_view part, FormPart* read) {
  constexpr absl::string_view kHeadEnd = "\r\n\r\n";
  const size_t head_end = part.substr(0, kLongestHead).find(kHeadEnd);
  if (head_end == absl::string_view::npos) return Invalid("has a part without the end of its head");
  const absl::string_view disposition = HeaderOf(part.substr(0, head_end), "content-disposition");
  if (!absl::EqualsIgnoreCase(KindOf(disposition), "form-data") ||
      !FindParameter(disposition, "name", &read->name)) {
    return Invalid("has a part without a name");
  }
  FindParameter(disposition, "filename", &read->file_name);
  read->content = part.substr(head_end + kHeadEnd.size());
  return std::nullopt;
}

}  // namespace

bool IsForm(absl::string_view content_type) {
  return absl::EqualsIgnoreCase(KindOf(content_type), kFormType);
}

Refusal ReadForm(absl::string_view content_type, absl::string_view body,
                 std::vector<FormPart>* parts) {
  std::string boundary;
  if (!IsForm(content_type) || !FindParameter(content_type, "boundary", &boundary) ||
      boundary.empty() || boundary.size() > kLongestBoundary) {
    return Invalid("names no boundary of 1 to 70 bytes in its Content-Type");
  }
  const std::string first = absl::StrCat("--", boundary);
  const std::string next = absl::StrCat(kLineEnd, first);
  // What stands before the first boundary is for nobody.
  size_t at = 0;
  if (!absl::StartsWith(body, first)) {
    at = body.find(next);
    if (at == absl::string_view::npos) return Invalid("does not have its boundary");
    at += kLineEnd.size();
  }
  absl::string_view rest = body.substr(at + first.size());
  while (!absl::StartsWith(rest, "--")) {
    rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (!absl::ConsumePrefix(&rest, kLineEnd)) return Invalid("has more behind a boundary");
    const size_t end = rest.find(next);
    if (end == absl::string_view::npos) return Invalid("is cut off: its last boundary is missing");
    if (parts->size() == kMostFormParts) {
      return Invalid(absl::StrCat("has more than ", kMostFormParts, " parts"));
    }
    FormPart part;
    if (Refusal refusal = ReadPart(rest.substr(0, end), &part)) return refusal;
    parts->push_back(std::move(part));
    rest.remove_prefix(end + next.size());
  }
  return std::nullopt;
}

}  // namespace lluda::api
