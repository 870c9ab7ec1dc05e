#include "serve/http/request_parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lluda::http {
namespace {

// Chunks may be wrapped in this many bytes, and in eight more for each byte they hold: one that holds
// a single byte takes six.
constexpr uint64_t kWrapping = uint64_t{64} << 10;
constexpr uint64_t kWrappingPerByte = 8;
// Empty lines before a request, which some clients send behind a body.
constexpr size_t kMostSkipped = 8;

// Of two of them, a proxy could go by one and we by the other.
constexpr absl::string_view kOnlyOnce[] = {"Host", "Authorization", "Content-Type", "Origin"};

bool IsPrintable(absl::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c == 0x7f) return false;
  }
  return true;
}

}  // namespace

llhttp_settings_t RequestParser::Settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_header_field = &RequestParser::OnHeaderField;
  settings.on_header_value = &RequestParser::OnHeaderValue;
  settings.on_headers_complete = &RequestParser::OnHeadersComplete;
  settings.on_chunk_header = &RequestParser::OnChunkHeader;
  settings.on_body = &RequestParser::OnBody;
  settings.on_message_complete = &RequestParser::OnComplete;
  return settings;
}

RequestParser::RequestParser(const ParserLimits& limits) : limits_(limits), settings_(Settings()) {
  Reset();
}

void RequestParser::Reset() {
  llhttp_init(&llhttp_, HTTP_REQUEST, &settings_);
  llhttp_.data = this;
  state_ = State::kIdle;
  head_.clear();
  head_.shrink_to_fit();
  line_start_ = lines_ = skipped_ = 0;
  head_done_ = expects_continue_ = drop_body_ = false;
  body_bytes_ = raw_bytes_ = 0;
  request_ = Request();
  request_.peer = peer_;
}

void RequestParser::set_peer(std::string peer) {
  peer_ = std::move(peer);
  request_.peer = peer_;
}

// Of a head that is not whole yet, or is wrong, the bytes are still there.
bool RequestParser::is_head_request() const {
  return request_.method == "HEAD" || absl::StartsWith(head_, "HEAD ");
}

Request RequestParser::Take() {
  Request request = std::move(request_);
  Reset();
  return request;
}

bool RequestParser::Fail(int status, absl::string_view code, absl::string_view message) {
  state_ = State::kFailed;
  error_ = {status, std::string(code), std::string(message)};
  return false;
}

size_t RequestParser::Feed(absl::string_view bytes) {
  if (state_ == State::kComplete || state_ == State::kFailed || bytes.empty()) return 0;
  return head_done_ ? FeedBody(bytes) : FeedHead(bytes);
}

size_t RequestParser::FeedHead(absl::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (!TakeHeadByte(bytes[i])) return i + 1;
    if (!absl::EndsWith(head_, "\r\n\r\n")) continue;
    if (ParseHead() && CheckHeaders()) {
      head_done_ = true;
      if (state_ != State::kComplete) state_ = State::kHead;
    }
    return i + 1;
  }
  return bytes.size();
}

bool RequestParser::TakeHeadByte(char byte) {
  if (head_.empty() && (byte == '\r' || byte == '\n')) {
    if (++skipped_ > kMostSkipped) return Refuse("there are empty lines in place of a request");
    return true;
  }
  state_ = State::kReading;
  head_ += byte;
  if (head_.size() > limits_.head_bytes) {
    const std::string most =
        absl::StrCat(" longer than the ", limits_.head_bytes, " bytes that are allowed");
    return lines_ == 0 ? Fail(414, "header_too_large", "the request's target is" + most)
                       : Fail(431, "header_too_large", "request line and headers are" + most);
  }
  const bool after_cr = head_.size() > 1 && head_[head_.size() - 2] == '\r';
  if ((byte == '\n') != after_cr) return Refuse("a line ends with something else than CR LF");
  const auto value = static_cast<unsigned char>(byte);
  if ((value < 0x20 && byte != '\r' && byte != '\n' && byte != '\t') || value == 0x7f) {
    return Refuse("there is a control character in the head");
  }
  if (byte != '\n') return true;
  const absl::string_view line =
      absl::string_view(head_).substr(line_start_, head_.size() - 2 - line_start_);
  line_start_ = head_.size();
  return lines_++ == 0 ? CheckRequestLine() : CheckHeaderLine(line);
}

bool RequestParser::CheckRequestLine() {
  const absl::string_view line = absl::string_view(head_).substr(0, head_.size() - 2);
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == absl::string_view::npos || first == last) {
    return Refuse("the request line is not METHOD /PATH HTTP/1.1");
  }
  const absl::string_view method = line.substr(0, first);
  const absl::string_view target = line.substr(first + 1, last - first - 1);
  const absl::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refuse("the version is not HTTP/1.1 or HTTP/1.0");
  }
  if (!IsToken(method) || method == "CONNECT") return Refuse("the method is unknown");
  if (!IsPrintable(target))
    return Refuse("there is a character in the target that must be escaped");
  if (target.empty() || target[0] != '/') return Refuse("the target is not a path");
  const size_t mark = target.find('?');
  request_.method = std::string(method);
  request_.path = std::string(target.substr(0, mark));
  if (mark != absl::string_view::npos) request_.query = std::string(target.substr(mark + 1));
  request_.is_http_1_0 = version == "HTTP/1.0";
  return true;
}

bool RequestParser::CheckHeaderLine(absl::string_view line) {
  if (line.empty()) return true;
  if (line[0] == ' ' || line[0] == '\t') return Refuse("a header is folded over two lines");
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Refuse("a header has no name, or one with characters that names do not have");
  }
  if (lines_ - 1 > limits_.headers) {
    return Fail(
        431, "header_too_large",
        absl::StrCat("there are more than the ", limits_.headers, " headers that are allowed"));
  }
  return true;
}

bool RequestParser::ParseHead() {
  const llhttp_errno_t result = llhttp_execute(&llhttp_, head_.data(), head_.size());
  if (state_ == State::kFailed) return false;
  const bool complete = result == HPE_PAUSED && state_ == State::kComplete;
  if (result != HPE_OK && !complete) {
    return Refuse(absl::StrCat("the request's head: ", llhttp_get_error_reason(&llhttp_)));
  }
  head_.clear();
  head_.shrink_to_fit();
  return true;
}

bool RequestParser::CheckHeaders() {
  int encodings = 0, lengths = 0;
  for (Header& header : request_.headers) {
    absl::StripAsciiWhitespace(&header.value);
    lengths += header.name == "content-length" ? 1 : 0;
    if (header.name == "transfer-encoding") {
      ++encodings;
      if (!absl::EqualsIgnoreCase(header.value, "chunked")) {
        return Refuse("a Transfer-Encoding other than chunked");
      }
    }
    if (header.name == "expect") {
      if (!absl::EqualsIgnoreCase(header.value, "100-continue")) {
        return Fail(417, "invalid_http", "an Expect other than 100-continue");
      }
      expects_continue_ = !request_.is_http_1_0;
    }
  }
  if (request_.Find("host") == nullptr && !request_.is_http_1_0) return Refuse("there is no Host");
  for (const absl::string_view name : kOnlyOnce) {
    const auto is_it = [name](const Header& h) { return absl::EqualsIgnoreCase(h.name, name); };
    if (std::count_if(request_.headers.begin(), request_.headers.end(), is_it) > 1) {
      return Refuse(absl::StrCat("there is more than one ", name));
    }
  }
  if (encodings > 1 || lengths > 1 || (encodings > 0 && (lengths > 0 || request_.is_http_1_0))) {
    return Refuse("Transfer-Encoding and Content-Length do not say where the body ends");
  }
  if (lengths > 0 && llhttp_.content_length > limits_.body_bytes) {
    return Fail(413, "request_too_large",
                absl::StrCat("the body has ", llhttp_.content_length, " bytes, allowed are ",
                             limits_.body_bytes));
  }
  request_.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  return true;
}

size_t RequestParser::FeedBody(absl::string_view bytes) {
  state_ = State::kReading;
  raw_bytes_ += bytes.size();
  const llhttp_errno_t result = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (state_ == State::kFailed) return bytes.size();
  if (result == HPE_PAUSED && state_ == State::kComplete) {
    return static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
  }
  if (result != HPE_OK) {
    Refuse(absl::StrCat("the request's body: ", llhttp_get_error_reason(&llhttp_)));
  } else if (raw_bytes_ > kWrapping + kWrappingPerByte * body_bytes_) {
    Fail(413, "request_too_large", "the body's chunks have too much around them");
  }
  return bytes.size();
}

int RequestParser::OnHeaderField(llhttp_t* llhttp, const char* at, size_t length) {
  RequestParser* self = Self(llhttp);
  if (self->head_done_) return 0;  // a trailer
  // The head is parsed in one call, so a name comes in one piece.
  self->request_.headers.push_back({absl::AsciiStrToLower(absl::string_view(at, length)), ""});
  return 0;
}

int RequestParser::OnHeaderValue(llhttp_t* llhttp, const char* at, size_t length) {
  RequestParser* self = Self(llhttp);
  if (self->head_done_) return 0;
  self->request_.headers.back().value.append(at, length);
  return 0;
}

int RequestParser::OnHeadersComplete(llhttp_t* llhttp) {
  llhttp->upgrade = 0;  // no other protocol is spoken here
  return 0;
}

// A chunk says how long it is before it comes.
int RequestParser::OnChunkHeader(llhttp_t* llhttp) {
  return Self(llhttp)->HasRoomFor(llhttp->content_length) ? 0 : HPE_USER;
}

bool RequestParser::HasRoomFor(uint64_t bytes) {
  if (bytes <= limits_.body_bytes - body_bytes_) return true;
  return Fail(
      413, "request_too_large",
      absl::StrCat("the body has more than the ", limits_.body_bytes, " bytes that are allowed"));
}

int RequestParser::OnBody(llhttp_t* llhttp, const char* at, size_t length) {
  RequestParser* self = Self(llhttp);
  if (!self->HasRoomFor(length)) return HPE_USER;
  self->body_bytes_ += length;
  if (!self->drop_body_) self->request_.body.append(at, length);
  return 0;
}

int RequestParser::OnComplete(llhttp_t* llhttp) {
  Self(llhttp)->state_ = State::kComplete;
  return HPE_PAUSED;
}

}  // namespace lluda::http
