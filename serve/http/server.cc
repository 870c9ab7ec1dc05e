#include "serve/http/server.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "serve/http/connection.h"

namespace lluda::http {
namespace {

constexpr int kBacklog = 512;
constexpr size_t kReadBytes = size_t{64} << 10;
// Connections beyond the limit that are told so; those beyond them are closed without a word.
constexpr int64_t kMostRefused = 64;
constexpr mode_t kSocketMode = 0660;

// The address without its port.
std::string PeerOf(const uv_tcp_t* tcp) {
  sockaddr_storage address = {};
  int length = sizeof(address);
  char text[INET6_ADDRSTRLEN] = "";
  if (uv_tcp_getpeername(tcp, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return "unknown";
  if (address.ss_family == AF_INET) {
    uv_ip4_name(reinterpret_cast<sockaddr_in*>(&address), text, sizeof(text));
  } else {
    uv_ip6_name(reinterpret_cast<sockaddr_in6*>(&address), text, sizeof(text));
  }
  return text;
}

absl::Status SystemError(absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", uv_strerror(error)));
}

// The folder that the path is in.
bool FolderExists(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat status = {};
  return stat(folder.c_str(), &status) == 0;
}

absl::StatusOr<sockaddr_storage> Resolve(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(absl::StrCat("host '", host, "': ", gai_strerror(error)));
  }
  sockaddr_storage address = {};
  std::memcpy(&address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

// A socket that a process has left behind is in the way; one that somebody listens on is not ours.
absl::Status RemoveStaleSocket(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return absl::OkStatus();
  const absl::Status taken = absl::UnavailableError(absl::StrCat(path, ": is there already"));
  if (!S_ISSOCK(status.st_mode)) return taken;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_served =
      probe < 0 || connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  if (probe >= 0) close(probe);
  if (is_served) return taken;
  unlink(path.c_str());
  return absl::OkStatus();
}

// As many as connections may need, or as the system gives.
void RaiseFileLimit(int64_t connections) {
  constexpr int64_t kOtherFiles = 64;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto wanted = static_cast<rlim_t>(connections + kOtherFiles);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

class Server::Loop final : public ConnectionHost, public ResponseSink {
 public:
  Loop(const ServerOptions& options, Handler* handler)
      : options_(options), handler_(handler), buffer_(kReadBytes, '\0') {
    uv_loop_init(&loop_);
  }

  // Before Run.
  absl::StatusOr<int> ListenOnTcp() {
    ASSIGN_OR_RETURN(const sockaddr_storage address, Resolve(options_.host, options_.port));
    uv_tcp_init(&loop_, &tcp_);
    has_tcp_ = true;
    tcp_.data = this;
    const std::string where = absl::StrCat(options_.host, ":", options_.port);
    int error = uv_tcp_bind(&tcp_, reinterpret_cast<const sockaddr*>(&address), 0);
    const auto come = [](uv_stream_t* listener, int status) {
      static_cast<Loop*>(listener->data)->Accept(listener, status, /*is_tcp=*/true);
    };
    if (error == 0) error = uv_listen(reinterpret_cast<uv_stream_t*>(&tcp_), kBacklog, come);
    if (error != 0) return SystemError(where, error);
    sockaddr_storage bound = {};
    int length = sizeof(bound);
    uv_tcp_getsockname(&tcp_, reinterpret_cast<sockaddr*>(&bound), &length);
    // Both kinds of addresses have the port at the same place.
    return ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  }

  absl::Status ListenOnUnix() {
    const std::string& path = options_.unix_path;
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(absl::StrCat("socket '", path, "': a path has at most ",
                                                     sizeof(sockaddr_un::sun_path) - 1,
                                                     " bytes, this one has ", path.size()));
    }
    RETURN_IF_ERROR(RemoveStaleSocket(path));
    uv_pipe_init(&loop_, &pipe_, /*ipc=*/0);
    has_pipe_ = true;
    pipe_.data = this;
    const auto come = [](uv_stream_t* listener, int status) {
      static_cast<Loop*>(listener->data)->Accept(listener, status, /*is_tcp=*/false);
    };
    // Nobody else may connect before the mode is set.
    const mode_t mask = umask(0777 & ~kSocketMode);
    int error = uv_pipe_bind(&pipe_, path.c_str());
    umask(mask);
    if (error == 0) error = uv_listen(reinterpret_cast<uv_stream_t*>(&pipe_), kBacklog, come);
    // libuv says of a folder that is not there that it may not be written to.
    if (error == UV_EACCES && !FolderExists(path)) error = UV_ENOENT;
    return error == 0 ? absl::OkStatus() : SystemError(path, error);
  }

  absl::Status Open() {
    if (!queue_->Open(&loop_)) return absl::UnavailableError("the event loop cannot be made");
    // What timers have said is sent before the loop waits, and what came of that wait after it.
    uv_prepare_init(&loop_, &before_wait_);
    uv_check_init(&loop_, &after_wait_);
    before_wait_.data = after_wait_.data = this;
    uv_prepare_start(&before_wait_,
                     [](uv_prepare_t* at) { static_cast<Loop*>(at->data)->FlushAll(); });
    uv_check_start(&after_wait_, [](uv_check_t* at) { static_cast<Loop*>(at->data)->FlushAll(); });
    has_phases_ = true;
    return absl::OkStatus();
  }

  absl::Status Run() {
    // Signals are for the thread that waits for them; a client that has gone is an error of write.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const auto turn = [](void* loop) -> void* {
      uv_run(static_cast<uv_loop_t*>(loop), UV_RUN_DEFAULT);
      return nullptr;
    };
    const int error = pthread_create(&thread_, nullptr, turn, &loop_);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) return absl::ResourceExhaustedError("the system gives no thread");
    has_thread_ = true;
    return absl::OkStatus();
  }

  // Ends the thread, if it runs.
  void Stop() {
    const auto close_all = [this] {
      CloseListeners();
      for (auto& [connection, owned] : connections_) connection->Close();
      queue_->Close();
      if (!std::exchange(has_phases_, false)) return;
      uv_close(reinterpret_cast<uv_handle_t*>(&before_wait_), nullptr);
      uv_close(reinterpret_cast<uv_handle_t*>(&after_wait_), nullptr);
    };
    if (has_thread_) {
      queue_->Post(close_all);
      pthread_join(thread_, nullptr);
    } else {
      close_all();
      uv_run(&loop_, UV_RUN_DEFAULT);
    }
    uv_loop_close(&loop_);
  }

  void Drain() {
    queue_->Post([this] {
      draining_ = true;
      CloseListeners();
      for (auto& [connection, owned] : connections_) connection->Drain();
    });
  }

  bool WaitUntilQuiet(std::chrono::milliseconds most) {
    // What was said until now is looked at first.
    auto seen = std::make_shared<std::atomic<bool>>(false);
    queue_->Post([this, seen] {
      *seen = true;
      CountBusy(0);
    });
    std::unique_lock<std::mutex> lock(mutex_);
    return quiet_.wait_for(lock, most, [&] { return *seen && busy_ == 0; });
  }

  int64_t open_connections() const { return open_; }

  // ConnectionHost:
  const ServerOptions& options() const override { return options_; }
  Handler* handler() override { return handler_; }
  bool draining() const override { return draining_; }
  uv_buf_t read_buffer() override {
    return uv_buf_init(buffer_.data(), static_cast<unsigned>(buffer_.size()));
  }
  std::shared_ptr<Responder> BeginExchange(Connection* connection, uint64_t* exchange) override {
    *exchange = ++last_exchange_;
    exchanges_[*exchange] = connection;
    return std::make_shared<Responder>(queue_, this, *exchange);
  }
  void EndExchange(uint64_t exchange) override { exchanges_.erase(exchange); }
  void CountBusy(int change) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    busy_ += change;
    if (busy_ == 0) quiet_.notify_all();
  }
  bool CountBodies(int64_t change) override {
    body_bytes_ += change;
    return body_bytes_ <= static_cast<int64_t>(options_.all_body_bytes);
  }
  void FlushLater(Connection* connection) override { dirty_.insert(connection); }
  void Closed(Connection* connection) override {
    dirty_.erase(connection);
    Release(connection->peer());
    connections_.erase(connection);
    open_ = static_cast<int64_t>(connections_.size());
  }

  // ResponseSink:
  void Respond(uint64_t exchange, Response response) override {
    if (Connection* at = Find(exchange)) at->Respond(std::move(response));
  }
  void PrepareStream(uint64_t exchange, Response head, std::string ping) override {
    if (Connection* at = Find(exchange)) at->PrepareStream(std::move(head), std::move(ping));
  }
  void Write(uint64_t exchange, std::string piece) override {
    if (Connection* at = Find(exchange)) at->Write(std::move(piece));
  }
  void EndStream(uint64_t exchange) override {
    if (Connection* at = Find(exchange)) at->EndStream();
  }
  void FailStream(uint64_t exchange, Response response, std::string last) override {
    if (Connection* at = Find(exchange)) at->FailStream(std::move(response), std::move(last));
  }
  void Watch(uint64_t exchange, ClientWatcher watcher) override {
    if (Connection* at = Find(exchange)) {
      at->Watch(std::move(watcher));
    } else {
      watcher(ClientEvent::kGone);
    }
  }
  void Abandon(uint64_t exchange) override {
    if (Connection* at = Find(exchange)) at->Abandon();
  }

 private:
  Connection* Find(uint64_t exchange) {
    const auto found = exchanges_.find(exchange);
    return found == exchanges_.end() ? nullptr : found->second;
  }

  void Accept(uv_stream_t* listener, int status, bool is_tcp) {
    if (status < 0) return;  // out of descriptors, say: libuv has dropped what came
    auto owned = std::make_unique<Connection>(this, is_tcp ? "" : "unix");
    Connection* connection = owned.get();
    connections_[connection] = std::move(owned);
    if (!connection->Accept(&loop_, listener, is_tcp)) return;
    if (is_tcp) connection->set_peer(PeerOf(reinterpret_cast<uv_tcp_t*>(connection->stream())));
    open_ = static_cast<int64_t>(connections_.size());
    const int64_t of_peer = ++peers_[connection->peer()];
    if (open_ > options_.connections + kMostRefused) {
      connection->Close();
    } else if (open_ > options_.connections) {
      connection->Refuse({503, "too_many_connections", "there are too many connections"});
    } else if (is_tcp && of_peer > options_.connections_per_address) {
      connection->Refuse(
          {503, "too_many_connections", "there are too many connections from this address"});
    }
  }

  void Release(const std::string& peer) {
    const auto found = peers_.find(peer);
    if (found != peers_.end() && --found->second <= 0) peers_.erase(found);
  }

  void FlushAll() {
    const auto dirty = std::exchange(dirty_, {});
    for (Connection* connection : dirty) connection->Flush();
  }

  void CloseListeners() {
    if (std::exchange(has_tcp_, false)) uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), nullptr);
    if (std::exchange(has_pipe_, false)) uv_close(reinterpret_cast<uv_handle_t*>(&pipe_), nullptr);
  }

  ServerOptions options_;
  Handler* handler_;
  uv_loop_t loop_;
  std::shared_ptr<LoopQueue> queue_ = std::make_shared<LoopQueue>();
  pthread_t thread_;
  bool has_thread_ = false;
  uv_prepare_t before_wait_;
  uv_check_t after_wait_;
  uv_tcp_t tcp_;
  uv_pipe_t pipe_;
  bool has_tcp_ = false;
  bool has_pipe_ = false;
  bool draining_ = false;
  bool has_phases_ = false;
  std::string buffer_;
  absl::flat_hash_map<Connection*, std::unique_ptr<Connection>> connections_;
  absl::flat_hash_map<std::string, int64_t> peers_;
  absl::flat_hash_map<uint64_t, Connection*> exchanges_;
  absl::flat_hash_set<Connection*> dirty_;
  uint64_t last_exchange_ = 0;
  int64_t body_bytes_ = 0;
  std::atomic<int64_t> open_{0};
  std::mutex mutex_;
  std::condition_variable quiet_;
  int64_t busy_ = 0;
};

Server::Server() = default;

Server::~Server() {
  if (loop_) loop_->Stop();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      Handler* handler) {
  std::unique_ptr<Server> server(new Server());
  RaiseFileLimit(options.connections);
  server->loop_ = std::make_unique<Loop>(options, handler);
  RETURN_IF_ERROR(server->loop_->Open());
  if (!options.host.empty()) {
    ASSIGN_OR_RETURN(server->port_, server->loop_->ListenOnTcp());
    const bool is_ipv6 = options.host.find(':') != std::string::npos;
    server->addresses_.push_back(absl::StrCat("http://", is_ipv6 ? "[" : "", options.host,
                                              is_ipv6 ? "]" : "", ":", server->port_));
  }
  if (!options.unix_path.empty()) {
    RETURN_IF_ERROR(server->loop_->ListenOnUnix());
    server->addresses_.push_back("unix:" + options.unix_path);
  }
  RETURN_IF_ERROR(server->loop_->Run());
  return server;
}

void Server::Drain() { loop_->Drain(); }

bool Server::WaitUntilQuiet(std::chrono::milliseconds most) { return loop_->WaitUntilQuiet(most); }

int64_t Server::connections() const { return loop_->open_connections(); }

}  // namespace lluda::http
