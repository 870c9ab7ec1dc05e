#include "serve/access.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files/owner_only.h"
#include "base/files/whole_file.h"
#include "base/json/json.h"
#include "base/status_macros.h"

namespace lluda::serve {
namespace {

constexpr size_t kShortestKey = 8;
constexpr absl::string_view kBearer = "bearer ";
constexpr absl::string_view kBehindScheme = "://";

// In a time that does not tell how much of them agrees.
bool Equal(const base::Digest& a, const base::Digest& b) {
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

// "[::1]" of "[::1]:80".
absl::string_view WithoutPort(absl::string_view host) {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  const bool has_port =
      colon != absl::string_view::npos && (bracket == absl::string_view::npos || bracket < colon);
  return has_port ? host.substr(0, colon) : host;
}

bool Contains(const std::vector<std::string>& list, absl::string_view text) {
  return std::any_of(list.begin(), list.end(),
                     [text](const std::string& one) { return absl::EqualsIgnoreCase(one, text); });
}

}  // namespace

bool IsLoopback(absl::string_view host) {
  const auto is_of_address = [](unsigned char c) { return absl::ascii_isdigit(c) || c == '.'; };
  return absl::EqualsIgnoreCase(host, "localhost") || host == "::1" ||
         (absl::StartsWith(host, "127.") && std::all_of(host.begin(), host.end(), is_of_address));
}

absl::StatusOr<std::vector<NamedKey>> ParseKeys(absl::string_view source, absl::string_view text) {
  std::vector<NamedKey> keys;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, absl::ByAnyChar("\n,"))) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const auto error = [&](absl::string_view reason) {
      return absl::InvalidArgumentError(absl::StrCat(source, ":", number, ": ", reason));
    };
    const size_t colon = line.find(':');
    const bool has_name = colon != absl::string_view::npos;
    const std::string name =
        has_name ? std::string(line.substr(0, colon)) : absl::StrCat("key", number);
    const absl::string_view key = has_name ? line.substr(colon + 1) : line;
    if (name.empty()) return error("a key has an empty name");
    if (key.size() < kShortestKey) {
      return error(absl::StrCat("a key is shorter than ", kShortestKey, " bytes"));
    }
    const auto is_fine = [](unsigned char c) { return absl::ascii_isgraph(c); };
    if (!std::all_of(line.begin(), line.end(), is_fine)) {
      return error("a key has characters that are no printable ASCII, or spaces");
    }
    for (const NamedKey& other : keys) {
      if (other.name == name) return error(absl::StrCat("the name '", name, "' is there twice"));
    }
    keys.push_back({name, base::Sha256(key)});
  }
  return keys;
}

absl::StatusOr<std::vector<NamedKey>> ReadKeys(const std::string& file, const char* environment) {
  if (file.empty()) return ParseKeys("LLUDA_API_KEYS", environment == nullptr ? "" : environment);
  struct stat status = {};
  if (stat(file.c_str(), &status) == 0) {
    RETURN_IF_ERROR(base::CheckOwnerOnly(file, status));
  }
  ASSIGN_OR_RETURN(const std::string text, base::ReadInput(file));
  ASSIGN_OR_RETURN(std::vector<NamedKey> keys, ParseKeys(file, text));
  if (keys.empty()) return absl::InvalidArgumentError(absl::StrCat(file, ": has no key"));
  return keys;
}

absl::Status CheckOriginText(absl::string_view origin) {
  const auto is_of_scheme = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
  };
  const auto is_of_host = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' ||
           c == ']';
  };
  const std::vector<absl::string_view> parts =
      absl::StrSplit(origin, absl::MaxSplits(kBehindScheme, 1));
  const absl::string_view scheme = parts[0];
  const absl::string_view address = parts.size() == 2 ? parts[1] : "";
  const absl::string_view host = WithoutPort(address);
  int port = 0;
  const bool has_good_port =
      host.size() == address.size() ||
      (absl::SimpleAtoi(address.substr(host.size() + 1), &port) && port >= 1 && port <= 65535);
  const bool is_ipv6 = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  const bool has_good_host = !host.empty() && absl::c_all_of(host, is_of_host) &&
                             (is_ipv6 || host.find_first_of(":[]") == absl::string_view::npos);
  if (!scheme.empty() && absl::c_all_of(scheme, is_of_scheme) && has_good_host && has_good_port) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", base::QuoteName(origin), "' is no origin of a page: SCHEME://HOST[:PORT]"));
}

std::string ClientOfPeer(absl::string_view peer) { return absl::StrCat("peer:", peer); }

AccessResult Access::Check(const http::Request& request, bool needs_key) const {
  AccessResult result;
  result.client = ClientOfPeer(request.peer);
  result.refusal = CheckHost(request);
  if (!result.refusal) result.refusal = CheckOrigin(request, &result.cors_origin);
  if (result.refusal || !has_keys()) return result;
  result.refusal = CheckKey(request, &result.key_name);
  if (!needs_key) result.refusal = std::nullopt;
  if (!result.key_name.empty()) result.client = absl::StrCat("key:", result.key_name);
  return result;
}

// A page of another site whose name has been made to point here comes with that name.
api::Refusal Access::CheckHost(const http::Request& request) const {
  if (has_keys()) return std::nullopt;
  const std::string* host = request.Find("host");
  if (host == nullptr) return std::nullopt;  // HTTP/1.0, which browsers do not speak
  const absl::string_view name = WithoutPort(*host);
  if (IsLoopback(name) || name == "[::1]" || Contains(options_.hosts, name)) return std::nullopt;
  return api::ApiError{403, "forbidden_host", "",
                       absl::StrCat("the host '", base::QuoteName(name),
                                    "' is not one that this server answers to: see --allow-host")};
}

api::Refusal Access::CheckOrigin(const http::Request& request, std::string* cors_origin) const {
  const std::string* origin = request.Find("origin");
  if (origin == nullptr) return std::nullopt;
  const std::string* host = request.Find("host");
  // The page that this server has given out, maybe by a proxy that speaks TLS.
  if (host != nullptr && (absl::EqualsIgnoreCase(*origin, absl::StrCat("http://", *host)) ||
                          absl::EqualsIgnoreCase(*origin, absl::StrCat("https://", *host)))) {
    return std::nullopt;
  }
  if (Contains(options_.origins, *origin)) {
    *cors_origin = *origin;
    return std::nullopt;
  }
  return api::ApiError{403, "forbidden_origin", "",
                       absl::StrCat("pages of '", base::QuoteName(*origin),
                                    "' may not ask this server: see --allow-origin")};
}

api::Refusal Access::CheckKey(const http::Request& request, std::string* name) const {
  const std::string* given = request.Find("authorization");
  const api::ApiError wrong = {401, "invalid_api_key", "",
                               "a key that this server knows is needed: Authorization: Bearer KEY"};
  if (given == nullptr || !absl::StartsWithIgnoreCase(*given, kBearer)) return wrong;
  const absl::string_view key =
      absl::StripAsciiWhitespace(absl::string_view(*given).substr(kBearer.size()));
  const base::Digest digest = base::Sha256(key);
  for (const NamedKey& known : options_.keys) {
    if (Equal(known.digest, digest)) *name = known.name;
  }
  if (name->empty()) return wrong;
  return std::nullopt;
}

}  // namespace lluda::serve
