#include "serve/http/connection.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lluda::http {
namespace {

constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// RFC 9110, section 5.6.7; the same in every locale.
std::string HttpDate(std::time_t now) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc = {};
  gmtime_r(&now, &utc);
  return absl::StrFormat("%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                         kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                         utc.tm_sec);
}

}  // namespace

bool Connection::Accept(uv_loop_t* loop, uv_stream_t* listener, bool is_tcp) {
  stream_loop_ = loop;
  is_tcp ? uv_tcp_init(loop, &handle_.tcp) : uv_pipe_init(loop, &handle_.pipe, /*ipc=*/0);
  uv_timer_init(loop, &timer_);
  open_handles_ = 2;
  handle_.handle.data = this;
  timer_.data = this;
  shutdown_.data = this;
  if (uv_accept(listener, stream()) != 0) {
    Close();
    return false;
  }
  if (is_tcp) uv_tcp_nodelay(&handle_.tcp, 1);
  deadline_ = Now() + host_->options().idle_ms;
  StartReading();
  Arm();
  return true;
}

void Connection::StartReading() {
  if (is_reading_ || state_ == State::kClosed) return;
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    *buffer = static_cast<Connection*>(handle->data)->host_->read_buffer();
  };
  const auto read = [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
    static_cast<Connection*>(stream->data)->OnRead(count, buffer->base);
  };
  is_reading_ = uv_read_start(stream(), allocate, read) == 0;
}

void Connection::OnRead(ssize_t count, const char* data) {
  if (state_ == State::kClosed || count == 0) return;
  if (count > 0 && state_ != State::kLingering) {
    Consume({data, static_cast<size_t>(count)});
  } else if (count < 0 && (state_ != State::kLingering || has_shut_down_ || count != UV_EOF)) {
    Gone();
  } else if (count < 0) {  // what is still to be sent is sent first
    uv_read_stop(stream());
    is_reading_ = false;
  }
}

void Connection::Consume(absl::string_view bytes) {
  while (!bytes.empty() && state_ == State::kReading) {
    const bool was_idle = parser_.state() == RequestParser::State::kIdle;
    bytes.remove_prefix(parser_.Feed(bytes));
    if (!CountBody()) {
      Refuse({503, "too_busy", "there are too many requests that are not answered yet"});
      break;
    }
    switch (parser_.state()) {
      case RequestParser::State::kIdle:
        break;
      case RequestParser::State::kReading:
        if (was_idle) deadline_ = Now() + host_->options().head_ms;
        break;
      case RequestParser::State::kHead:
        OnHead();
        break;
      case RequestParser::State::kComplete:
        OnRequest();
        break;
      case RequestParser::State::kFailed:
        Refuse(parser_.error());
        break;
    }
  }
  if (state_ == State::kAnswering && !bytes.empty()) {
    pending_.append(bytes.data(), bytes.size());
    if (pending_.size() > host_->options().pipelined_bytes && is_reading_) {
      uv_read_stop(stream());
      is_reading_ = false;
    }
  }
  Arm();
}

void Connection::OnHead() {
  deadline_ = Now() + host_->options().body_ms;
  head_checked_ = true;
  early_ = host_->handler()->CheckHead(parser_.request());
  if (!early_) {
    if (parser_.expects_continue()) Send(kContinue);
    return;
  }
  parser_.DropBody();
  if (!parser_.expects_continue()) return;
  is_head_ = parser_.is_head_request();
  // The body does not come, or comes and is in the way.
  SetBusy(true);
  keep_alive_ = false;
  Respond(*std::exchange(early_, std::nullopt));
}

void Connection::OnRequest() {
  if (!std::exchange(head_checked_, false)) {
    early_ = host_->handler()->CheckHead(parser_.request());
  }
  Request request = parser_.Take();
  keep_alive_ = request.keep_alive && ++requests_ < host_->options().requests_per_connection;
  is_http_1_0_ = request.is_http_1_0;
  is_head_ = request.method == "HEAD";
  deadline_ = 0;
  SetBusy(true);
  state_ = State::kAnswering;
  if (early_) {
    Respond(*std::exchange(early_, std::nullopt));
    return;
  }
  std::shared_ptr<Responder> responder = host_->BeginExchange(this, &exchange_);
  host_->handler()->Handle(std::move(request), std::move(responder));
}

void Connection::Refuse(const Error& error) {
  SetBusy(true);
  keep_alive_ = false;
  is_head_ = parser_.is_head_request();
  Respond(host_->handler()->ErrorResponse(error, peer_));
}

void Connection::Respond(Response response) {
  if (is_stream_ && !stream_head_) return;  // the head of a stream has been sent
  SendHead(response, /*has_length=*/true, response.body.size());
  if (!is_head_) Send(response.body);
  FinishExchange();
}

void Connection::SendHead(const Response& response, bool has_length, size_t length) {
  if (host_->draining()) keep_alive_ = false;
  std::string head = absl::StrCat("HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status),
                                  "\r\nDate: ", HttpDate(std::time(nullptr)), "\r\n");
  for (const Header& header : response.headers) {
    absl::StrAppend(&head, header.name, ": ", header.value, "\r\n");
  }
  if (has_length) {
    absl::StrAppend(&head, "Content-Length: ", length, "\r\n");
  } else if (is_http_1_0_) {
    keep_alive_ = false;
  } else {
    absl::StrAppend(&head, "Transfer-Encoding: chunked\r\n");
  }
  absl::StrAppend(&head, "Connection: ", keep_alive_ ? "keep-alive" : "close", "\r\n\r\n");
  Send(head);
}

void Connection::PrepareStream(Response head, std::string ping) {
  if (is_stream_) return;
  is_stream_ = true;
  stream_head_ = std::move(head);
  ping_ = std::move(ping);
  head_deadline_ = Now() + host_->options().stream_head_ms;
  Arm();
}

void Connection::Write(std::string piece) {
  if (is_stream_) SendPiece(piece);
}

void Connection::SendPiece(absl::string_view piece) {
  if (stream_head_) {
    SendHead(*stream_head_, /*has_length=*/false, 0);
    stream_head_.reset();
    head_deadline_ = 0;
  }
  ping_deadline_ = Now() + host_->options().ping_ms;
  if (piece.empty() || is_head_) {
    Arm();
    return;
  }
  if (is_http_1_0_) {
    Send(piece);
  } else {
    Send(absl::StrCat(absl::Hex(piece.size()), "\r\n", piece, "\r\n"));
  }
  Arm();
}

void Connection::EndStream() {
  if (!is_stream_) {
    Abandon();
    return;
  }
  SendPiece("");  // the head, if there was no piece
  if (!is_http_1_0_ && !is_head_) Send("0\r\n\r\n");
  FinishExchange();
}

void Connection::FailStream(Response response, std::string last) {
  if (!is_stream_ || stream_head_) {
    Respond(std::move(response));
    return;
  }
  SendPiece(last);
  keep_alive_ = false;
  EndStream();
}

void Connection::Watch(ClientWatcher watcher) {
  watcher_ = std::move(watcher);
  if (is_paused_) watcher_(ClientEvent::kPause);
}

void Connection::Abandon() {
  keep_alive_ = false;
  const Response response = host_->handler()->ErrorResponse(
      {500, "internal_error", "the request was not answered"}, peer_);
  FailStream(response, "");
}

bool Connection::CountBody() {
  const auto now = static_cast<int64_t>(parser_.request().body.size());
  const int64_t grown = now - std::exchange(body_bytes_, now);
  return grown == 0 || host_->CountBodies(grown);
}

void Connection::ForgetBody() {
  if (body_bytes_ != 0) host_->CountBodies(-std::exchange(body_bytes_, 0));
}

void Connection::FinishExchange() {
  ForgetBody();
  if (exchange_ != 0) host_->EndExchange(std::exchange(exchange_, 0));
  watcher_ = nullptr;
  is_stream_ = is_paused_ = is_head_ = is_http_1_0_ = false;
  stream_head_.reset();
  head_deadline_ = ping_deadline_ = 0;
  if (!keep_alive_ || host_->draining()) {
    ShutDown();
    return;
  }
  SetBusy(false);
  state_ = State::kReading;
  deadline_ = Now() + host_->options().idle_ms;
  const std::string pending = std::exchange(pending_, "");
  StartReading();
  if (pending.empty()) {
    Arm();
  } else {
    Consume(pending);
  }
}

void Connection::ShutDown() {
  state_ = State::kLingering;
  deadline_ = 0;
  pending_.clear();
  // Sending it at once, though others may have something to say: this is the last of it.
  Flush();
  if (state_ == State::kClosed) return;
  const auto done = [](uv_shutdown_t* request, int) {
    static_cast<Connection*>(request->data)->OnShutDown();
  };
  if (uv_shutdown(&shutdown_, stream(), done) != 0) Close();
  Arm();
}

void Connection::OnShutDown() {
  if (state_ == State::kClosed) return;
  has_shut_down_ = true;
  SetBusy(false);
  if (!is_reading_) {
    Close();
    return;
  }
  // Closing now would make the system drop what the client has not read, if it sends any more.
  deadline_ = Now() + host_->options().linger_ms;
  Arm();
}

void Connection::Send(absl::string_view bytes) {
  if (state_ == State::kClosed) return;
  out_.append(bytes.data(), bytes.size());
  host_->FlushLater(this);
}

void Connection::Flush() {
  if (out_.empty() || state_ == State::kClosed) return;
  std::string bytes = std::exchange(out_, "");
  if (uv_stream_get_write_queue_size(stream()) == 0) {
    uv_buf_t buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
    const int sent = uv_try_write(stream(), &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
      Gone();
      return;
    }
    if (sent > 0) bytes.erase(0, static_cast<size_t>(sent));
    if (bytes.empty()) return;
  }
  auto* request = new WriteRequest{{}, std::move(bytes)};
  request->request.data = request;
  uv_buf_t buffer =
      uv_buf_init(request->bytes.data(), static_cast<unsigned>(request->bytes.size()));
  const auto written = [](uv_write_t* write, int status) {
    auto* connection = static_cast<Connection*>(write->handle->data);
    delete static_cast<WriteRequest*>(write->data);
    connection->OnWritten(status);
  };
  if (uv_write(&request->request, stream(), &buffer, 1, written) != 0) {
    delete request;
    Gone();
    return;
  }
  AfterFlush();
}

// Something waits for the client to read.
void Connection::AfterFlush() {
  const size_t unsent = uv_stream_get_write_queue_size(stream());
  if (unsent == 0) return;
  if (progress_deadline_ == 0) {
    progress_deadline_ = Now() + host_->options().progress_ms;
    unsent_seen_ = unsent;
    Arm();
  }
  if (is_stream_ && unsent > host_->options().unsent_bytes) {
    Gone();
    return;
  }
  if (is_stream_ && !is_paused_ && unsent > host_->options().pause_bytes) {
    is_paused_ = true;
    if (watcher_) watcher_(ClientEvent::kPause);
  }
}

void Connection::OnWritten(int status) {
  if (state_ == State::kClosed) return;
  if (status < 0) {
    Gone();
    return;
  }
  const size_t unsent = uv_stream_get_write_queue_size(stream());
  progress_deadline_ = unsent == 0 ? 0 : Now() + host_->options().progress_ms;
  unsent_seen_ = unsent;
  if (is_paused_ && unsent <= host_->options().resume_bytes) {
    is_paused_ = false;
    if (watcher_) watcher_(ClientEvent::kResume);
  }
  Arm();
}

void Connection::OnTimer() {
  armed_ = 0;
  const uint64_t now = Now();
  const auto due = [now](uint64_t deadline) { return deadline != 0 && deadline <= now; };
  if (due(progress_deadline_)) {
    const size_t unsent = uv_stream_get_write_queue_size(stream());
    if (unsent >= unsent_seen_) {
      Gone();
      return;
    }
    unsent_seen_ = unsent;
    progress_deadline_ = now + host_->options().progress_ms;
  }
  if (due(deadline_)) {
    deadline_ = 0;
    OnLate();
  }
  if (state_ == State::kAnswering && due(head_deadline_)) SendPiece("");
  if (state_ == State::kAnswering && due(ping_deadline_)) SendPiece(ping_);
  Arm();
}

void Connection::OnLate() {
  if (state_ != State::kReading || parser_.state() == RequestParser::State::kIdle) {
    Close();
    return;
  }
  Refuse({408, "request_timeout",
          parser_.in_body() ? "the request's body did not come in time"
                            : "the request's headers did not come in time"});
}

void Connection::Arm() {
  if (state_ == State::kClosed) return;
  uint64_t next = 0;
  for (const uint64_t deadline : {deadline_, head_deadline_, ping_deadline_, progress_deadline_}) {
    if (deadline != 0 && (next == 0 || deadline < next)) next = deadline;
  }
  // A timer that comes too early looks again.
  if (next == 0 || (armed_ != 0 && armed_ <= next)) return;
  armed_ = next;
  const auto fire = [](uv_timer_t* timer) { static_cast<Connection*>(timer->data)->OnTimer(); };
  uv_timer_start(&timer_, fire, next - std::min(next, Now()), /*repeat=*/0);
}

void Connection::Drain() {
  if (state_ == State::kReading && parser_.state() == RequestParser::State::kIdle) Close();
}

void Connection::Gone() {
  if (state_ == State::kClosed) return;
  const ClientWatcher watcher = std::exchange(watcher_, nullptr);
  Close();
  if (watcher) watcher(ClientEvent::kGone);
}

void Connection::SetBusy(bool busy) {
  if (std::exchange(is_busy_, busy) != busy) host_->CountBusy(busy ? 1 : -1);
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  SetBusy(false);
  ForgetBody();
  if (exchange_ != 0) host_->EndExchange(std::exchange(exchange_, 0));
  const auto closed = [](uv_handle_t* handle) {
    auto* connection = static_cast<Connection*>(handle->data);
    if (--connection->open_handles_ == 0) connection->host_->Closed(connection);
  };
  uv_close(&handle_.handle, closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
}

}  // namespace lluda::http
