#include "serve/http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::http {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A client's end, with what comes read until a time is over.
class Client {
 public:
  explicit Client(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  explicit Client(const std::string& path) : socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { Close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void Close() {
    if (socket_ >= 0) close(std::exchange(socket_, -1));
  }
  void Reset() {
    const linger now = {1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
  }
  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // Until the text is there, the server closes, or the time is over; all that has come.
  std::string ReadUntil(absl::string_view text, milliseconds most = milliseconds(5000)) {
    const auto end = std::chrono::steady_clock::now() + most;
    size_t searched = 0;
    while (read_.find(text.data(), searched, text.size()) == std::string::npos && !closed_) {
      searched = read_.size() - std::min(read_.size(), text.size());
      const auto left =
          std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
      pollfd wait = {socket_, POLLIN, 0};
      if (left.count() <= 0 || poll(&wait, 1, static_cast<int>(left.count())) <= 0) break;
      char buffer[4096];
      const ssize_t count = recv(socket_, buffer, sizeof(buffer), 0);
      if (count <= 0) {
        closed_ = true;
      } else {
        read_.append(buffer, static_cast<size_t>(count));
      }
    }
    return read_;
  }
  std::string ReadToEnd(milliseconds most = milliseconds(5000)) {
    return ReadUntil("\1never", most);
  }
  bool closed() const { return closed_; }

 private:
  int socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string read_;
};

// Answers by the path, keeps the responders of requests for /wait, and writes events down.
class TestHandler : public Handler {
 public:
  std::optional<Response> CheckHead(const Request& request) override {
    if (request.path == "/forbidden") return Response{403, {{"X-Peer", request.peer}}, "no"};
    return std::nullopt;
  }
  void Handle(Request request, std::shared_ptr<Responder> responder) override {
    if (request.path == "/drop") return;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (request.path == "/echo") {
      responder->Respond({200, {{"X-Peer", request.peer}}, request.body});
    } else if (request.path == "/big") {
      responder->Respond({200, {}, std::string(32 << 20, 'x')});
    } else if (request.path == "/stream") {
      responder->PrepareStream({200, {{"Content-Type", "text/event-stream"}}, ""}, ": ping\n\n");
      Keep(responder);
    } else if (request.path == "/wait") {
      Keep(responder);
    } else {
      responder->Respond({200, {}, request.path});
    }
  }
  Response ErrorResponse(const Error& error, const std::string& peer) override {
    return {error.status, {{"X-Peer", peer}}, absl::StrCat("{", error.code, "}")};
  }

  std::shared_ptr<Responder> WaitForResponder() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(5), [this] { return !kept_.empty(); });
    if (kept_.empty()) return nullptr;
    std::shared_ptr<Responder> responder = kept_.front();
    kept_.erase(kept_.begin());
    return responder;
  }
  bool WaitForEvent(ClientEvent event, milliseconds most = milliseconds(5000)) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, most, [&] {
      for (const ClientEvent seen : events_) {
        if (seen == event) return true;
      }
      return false;
    });
  }
  void Watch(Responder* responder) {
    responder->Watch([this](ClientEvent event) {
      const std::lock_guard<std::mutex> lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    });
  }

 private:
  void Keep(std::shared_ptr<Responder> responder) {
    kept_.push_back(std::move(responder));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Responder>> kept_;
  std::vector<ClientEvent> events_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() { options_.port = 0; }
  ~ServerTest() override { server_.reset(); }

  Client Connect() {
    if (!server_) {
      absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options_, &handler_);
      EXPECT_TRUE(server.ok()) << server.status();
      server_ = *std::move(server);
    }
    return Client(server_->port());
  }
  static std::string Get(absl::string_view path, absl::string_view more = "") {
    return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: a\r\n", more, "\r\n");
  }
  static std::string Post(absl::string_view path, absl::string_view body,
                          absl::string_view more = "") {
    return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: a\r\nContent-Length: ", body.size(),
                        "\r\n", more, "\r\n", body);
  }

  ServerOptions options_;
  TestHandler handler_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersOneRequestAfterAnotherOnAConnection) {
  Client client = Connect();
  client.Send(Post("/echo", "hello"));
  EXPECT_THAT(client.ReadUntil("hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.Send(Post("/echo", "again"));
  const std::string read = client.ReadUntil("again");
  EXPECT_THAT(read, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(read, HasSubstr("X-Peer: 127.0.0.1\r\n"));
  EXPECT_THAT(read, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_FALSE(client.closed());
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Client client = Connect();
  client.Send(Get("/wait") + Get("/2") + Get("/forbidden") + Get("/3", "Connection: close\r\n"));
  const auto responder = handler_.WaitForResponder();
  ASSERT_NE(responder, nullptr);
  EXPECT_EQ(client.ReadUntil("HTTP", milliseconds(50)), "");
  responder->Respond({200, {}, "/1"});
  const std::string read = client.ReadToEnd();
  EXPECT_TRUE(client.closed());
  EXPECT_LT(read.find("\r\n\r\n/1"), read.find("\r\n\r\n/2"));
  EXPECT_LT(read.find("\r\n\r\n/2"), read.find("\r\n\r\nno"));
  EXPECT_LT(read.find("\r\n\r\nno"), read.find("\r\n\r\n/3"));
  EXPECT_THAT(read, EndsWith("Connection: close\r\n\r\n/3"));
}

TEST_F(ServerTest, ABadRequestIsAnsweredOnceAndTheConnectionCloses) {
  Client client = Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n" + Get("/2"));
  const std::string read = client.ReadToEnd();
  EXPECT_TRUE(client.closed());
  EXPECT_THAT(read, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(read, EndsWith("Connection: close\r\n\r\n{invalid_http}"));
}

TEST_F(ServerTest, ABodyThatIsTooLargeIsRefusedBeforeItComes) {
  options_.parser.body_bytes = 1000;
  Client client = Connect();
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("413"));
}

TEST_F(ServerTest, AClientThatStillSendsGetsItsErrorAllTheSame) {
  Client client = Connect();
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n");
  client.Send(std::string(4 << 20, 'x'));
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("413 Content Too Large"));
}

TEST_F(ServerTest, BodiesOfAllConnectionsTogetherAreBounded) {
  options_.all_body_bytes = 1000;
  Client first = Connect();
  first.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n" +
             std::string(899, 'x'));
  Client second = Connect();
  second.Send(Post("/echo", std::string(500, 'y')));
  EXPECT_THAT(second.ReadToEnd(), HasSubstr("503"));
  first.Send("x");
  EXPECT_THAT(first.ReadUntil("xx"), HasSubstr("200 OK"));
  Client third = Connect();
  third.Send(Post("/echo", std::string(500, 'z')));
  EXPECT_THAT(third.ReadUntil("zz"), HasSubstr("200 OK"));
}

TEST_F(ServerTest, ExpectContinueIsAskedForTheBodyUnlessTheHeadIsRefused) {
  Client client = Connect();
  const std::string head = "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\n" + head);
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hi");
  EXPECT_THAT(client.ReadUntil("\r\n\r\nhi"), HasSubstr("200 OK"));
  Client refused = Connect();
  refused.Send("POST /forbidden HTTP/1.1\r\nHost: a\r\n" + head);
  const std::string read = refused.ReadToEnd();
  EXPECT_THAT(read, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(read, Not(HasSubstr("100 Continue")));
}

TEST_F(ServerTest, WhoeverIsRefusedIsKnown) {
  const std::string head = "POST /forbidden HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
  for (const std::string& request :
       {Get("/forbidden"), head + "\r\n", head + "Expect: 100-continue\r\n\r\n",
        std::string("GET nowhere HTTP/1.1\r\n")}) {
    Client client = Connect();
    client.Send(request);
    client.Send("hi");  // the body, where one is read before the answer
    EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("X-Peer: 127.0.0.1\r\n")) << request;
  }
}

TEST_F(ServerTest, AHeadThatIsRefusedLeavesTheConnectionInOrder) {
  Client client = Connect();
  client.Send(Post("/forbidden", "body") + Get("/next"));
  const std::string read = client.ReadUntil("/next");
  EXPECT_THAT(read, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(read, EndsWith("\r\n\r\n/next"));
}

TEST_F(ServerTest, ServesHttp10WithoutChunks) {
  Client client = Connect();
  client.Send("GET /stream HTTP/1.0\r\n\r\n");
  const auto responder = handler_.WaitForResponder();
  responder->Write("data: 1\n\n");
  responder->EndStream();
  const std::string read = client.ReadToEnd();
  EXPECT_THAT(read, EndsWith("Connection: close\r\n\r\ndata: 1\n\n"));
  EXPECT_THAT(read, Not(HasSubstr("chunked")));
}

TEST_F(ServerTest, HeadHasNoBody) {
  Client client = Connect();
  client.Send("HEAD /five HTTP/1.1\r\nHost: a\r\n\r\n");
  client.Send(Get("/next"));
  const std::string read = client.ReadUntil("/next");
  EXPECT_THAT(read, HasSubstr("Content-Length: 5\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200"));
}

TEST_F(ServerTest, HeadHasNoBodyWhereItIsRefusedEither) {
  for (const char* request :
       {"HEAD /forbidden HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        "HEAD / HTTP/9\r\n", "HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost\r\n"}) {
    Client client = Connect();
    client.Send(request);
    EXPECT_THAT(client.ReadToEnd(), EndsWith("Connection: close\r\n\r\n")) << request;
  }
}

TEST_F(ServerTest, StreamsInChunksAndGoesOnAfterThem) {
  Client client = Connect();
  client.Send(Get("/stream") + Get("/next"));
  const auto responder = handler_.WaitForResponder();
  responder->Write("data: 1\n\n");
  EXPECT_THAT(client.ReadUntil("9\r\ndata: 1\n\n\r\n"), HasSubstr("Transfer-Encoding: chunked"));
  responder->Write("data: 2\n\n");
  responder->EndStream();
  EXPECT_THAT(client.ReadUntil("/next"),
              HasSubstr("\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\nHTTP/1.1 200"));
}

TEST_F(ServerTest, AStreamsHeadWaitsForTheFirstPieceOrItsTime) {
  options_.stream_head_ms = 50;
  options_.ping_ms = 50;
  Client client = Connect();
  client.Send(Get("/stream"));
  const auto responder = handler_.WaitForResponder();
  EXPECT_THAT(client.ReadUntil(": ping"), HasSubstr("\r\n\r\n8\r\n: ping\n\n\r\n"));
  responder->FailStream({500, {}, "too late for a status"}, "data: failed\n\n");
  const std::string read = client.ReadToEnd();
  EXPECT_TRUE(client.closed());
  EXPECT_THAT(read, EndsWith("\r\ndata: failed\n\n\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, AStreamThatFailsBeforeItsHeadHasAStatus) {
  Client client = Connect();
  client.Send(Get("/stream"));
  handler_.WaitForResponder()->FailStream({429, {{"Retry-After", "1"}}, "full"}, "data: x\n\n");
  EXPECT_THAT(client.ReadUntil("full"), StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
}

TEST_F(ServerTest, ARequestThatNobodyAnswersIsAnsweredWith500) {
  Client client = Connect();
  client.Send(Get("/drop"));
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 500"));
}

TEST_F(ServerTest, SlowHeadersAndBodiesEndIn408AndIdleConnectionsClose) {
  options_.head_ms = options_.body_ms = 100;
  options_.idle_ms = 200;
  Client head = Connect();
  Client body = Connect();
  Client idle = Connect();
  Client silent = Connect();
  body.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  idle.Send(Get("/1"));
  for (int i = 0; i < 20 && !head.closed(); ++i) {
    head.Send("G");
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_THAT(head.ReadToEnd(), HasSubstr("408 Request Timeout"));
  EXPECT_THAT(body.ReadToEnd(), HasSubstr("408 Request Timeout"));
  EXPECT_THAT(idle.ReadToEnd(), EndsWith("/1"));
  EXPECT_EQ(silent.ReadToEnd(), "");
  for (Client* client : {&head, &body, &idle, &silent}) EXPECT_TRUE(client->closed());
}

TEST_F(ServerTest, AConnectionServesSoManyRequests) {
  options_.requests_per_connection = 2;
  Client client = Connect();
  client.Send(Get("/1") + Get("/2") + Get("/3"));
  EXPECT_THAT(client.ReadToEnd(), EndsWith("Connection: close\r\n\r\n/2"));
}

TEST_F(ServerTest, TellsOfAClientThatLeavesWhileItIsBeingAnswered) {
  for (const bool is_reset : {false, true}) {
    Client client = Connect();
    client.Send(Get("/wait"));
    const auto responder = handler_.WaitForResponder();
    TestHandler watcher;
    watcher.Watch(responder.get());
    EXPECT_FALSE(watcher.WaitForEvent(ClientEvent::kGone, milliseconds(50)));
    is_reset ? client.Reset() : client.Close();
    EXPECT_TRUE(watcher.WaitForEvent(ClientEvent::kGone));
    TestHandler late;
    late.Watch(responder.get());
    EXPECT_TRUE(late.WaitForEvent(ClientEvent::kGone));
    responder->Respond({200, {}, "to nobody"});
    server_->Drain();
    EXPECT_TRUE(server_->WaitUntilQuiet(milliseconds(5000)));
    server_.reset();  // the late watcher goes
  }
}

TEST_F(ServerTest, AClientThatDoesNotReadIsPausedResumedAndAtLastCutOff) {
  options_.progress_ms = 1000;
  Client client = Connect();
  client.Send(Get("/stream"));
  const auto responder = handler_.WaitForResponder();
  handler_.Watch(responder.get());
  for (int i = 0; i < 80; ++i) responder->Write(std::string(64 << 10, 'x'));
  EXPECT_TRUE(handler_.WaitForEvent(ClientEvent::kPause));
  bool has_resumed = false;
  for (int i = 0; i < 500 && !has_resumed; ++i) {
    client.ReadUntil("\1never", milliseconds(10));
    has_resumed = handler_.WaitForEvent(ClientEvent::kResume, milliseconds(1));
  }
  EXPECT_TRUE(has_resumed);
  for (int i = 0; i < 120; ++i) responder->Write(std::string(64 << 10, 'x'));
  EXPECT_TRUE(handler_.WaitForEvent(ClientEvent::kGone));
}

TEST_F(ServerTest, ASlowReaderDoesNotHoldUpOthers) {
  Client slow = Connect();
  slow.Send(Get("/big"));
  slow.ReadUntil("x");
  Client quick = Connect();
  quick.Send(Get("/quick"));
  EXPECT_THAT(quick.ReadUntil("/quick"), HasSubstr("200 OK"));
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitsAreTurnedAway) {
  options_.connections = 2;
  {
    Client first = Connect();
    Client second = Connect();
    first.Send(Get("/1"));
    second.Send(Get("/2"));
    first.ReadUntil("/1");
    second.ReadUntil("/2");
    Client third = Connect();
    EXPECT_THAT(third.ReadToEnd(), StartsWith("HTTP/1.1 503"));
  }
  // Places are given back.
  for (int i = 0; i < 100 && server_->connections() > 0; ++i) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  Client fourth = Connect();
  fourth.Send(Get("/4"));
  EXPECT_THAT(fourth.ReadUntil("/4"), HasSubstr("200 OK"));
}

TEST_F(ServerTest, ConnectionsOfOneAddressAreLimited) {
  options_.connections_per_address = 1;
  Client first = Connect();
  first.Send(Get("/1"));
  first.ReadUntil("/1");
  Client second = Connect();
  EXPECT_THAT(second.ReadToEnd(), HasSubstr("{too_many_connections}"));
}

TEST_F(ServerTest, RunningOutOfDescriptorsEndsNothing) {
  Client before = Connect();
  before.Send(Get("/1"));
  before.ReadUntil("/1");
  rlimit limit, low;
  getrlimit(RLIMIT_NOFILE, &limit);
  const int probe = dup(0);
  low = {static_cast<rlim_t>(probe + 20), limit.rlim_max};
  close(probe);
  setrlimit(RLIMIT_NOFILE, &low);
  {
    std::vector<std::unique_ptr<Client>> many;
    for (int i = 0; i < 20; ++i) many.push_back(std::make_unique<Client>(server_->port()));
    std::this_thread::sleep_for(milliseconds(100));
  }
  setrlimit(RLIMIT_NOFILE, &limit);
  before.Send(Get("/2"));
  EXPECT_THAT(before.ReadUntil("/2"), HasSubstr("/2"));
  Client after = Connect();
  after.Send(Get("/3"));
  EXPECT_THAT(after.ReadUntil("/3"), HasSubstr("200 OK"));
}

TEST_F(ServerTest, DrainsByClosingWhatIsIdleAndAnsweringWhatRuns) {
  Client idle = Connect();
  idle.Send(Get("/1"));
  idle.ReadUntil("/1");
  Client busy = Connect();
  busy.Send(Get("/wait") + Get("/never"));
  const auto responder = handler_.WaitForResponder();
  server_->Drain();
  idle.ReadToEnd();
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(server_->WaitUntilQuiet(milliseconds(50)));
  responder->Respond({200, {}, "answered"});
  EXPECT_THAT(busy.ReadToEnd(), EndsWith("Connection: close\r\n\r\nanswered"));
  EXPECT_TRUE(server_->WaitUntilQuiet(milliseconds(5000)));
  EXPECT_FALSE(Client(server_->port()).connected());
}

TEST_F(ServerTest, ListensOnASocketInTheFileSystem) {
  const base::TemporaryFolder folder;
  options_.host.clear();
  options_.unix_path = folder.PathOf("socket");
  for (int round = 0; round < 2; ++round) {
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options_, &handler_);
    ASSERT_TRUE(server.ok()) << server.status();
    EXPECT_EQ((*server)->port(), 0);
    EXPECT_EQ((*server)->addresses()[0], "unix:" + options_.unix_path);
    Client client(options_.unix_path);
    client.Send(Post("/echo", "hello"));
    EXPECT_THAT(client.ReadUntil("hello"), HasSubstr("X-Peer: unix"));
    const auto second = Server::Start(options_, &handler_);
    EXPECT_THAT(second.status().message(), HasSubstr("is there already"));
  }
  options_.unix_path = folder.Write("file", "");
  EXPECT_FALSE(Server::Start(options_, &handler_).ok());
  options_.unix_path = std::string(200, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(Server::Start(options_, &handler_).status()));
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  Connect();
  ServerOptions taken = options_;
  taken.port = server_->port();
  EXPECT_THAT(Server::Start(taken, &handler_).status().message(),
              HasSubstr("address already in use"));
  taken.host = "no.such.host.invalid";
  EXPECT_THAT(Server::Start(taken, &handler_).status().message(), HasSubstr("no.such.host"));
}

}  // namespace
}  // namespace lluda::http
