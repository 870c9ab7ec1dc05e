// The API over a real connection, with a service that says what the test wants.
//
//   TEST_F(AppTest, ...) {
//     app_->Serve(&model_);
//     service_->text = "hello";
//     EXPECT_THAT(Chat(""), HasSubstr("hello"));
//   }
#ifndef LLUDA_SERVE_APP_FIXTURE_H_
#define LLUDA_SERVE_APP_FIXTURE_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/grammar/token_trie.h"
#include "engine/service/service_stats.h"
#include "serve/app.h"
#include "serve/http/server.h"

namespace lluda::serve {

// A token for each letter, and the markers.
inline tokenizer::Tokenizer MakeTokenizer() {
  std::string vocabulary;
  int id = 0;
  const auto add = [&](const std::string& text) {
    absl::StrAppend(&vocabulary, id == 0 ? "\"" : ",\"", text, "\":", id);
    ++id;
  };
  for (const char c : std::string("abcdefghijklmnopqrstuvwxyzHI{}:,[]0123456789."))
    add(std::string(1, c));
  for (const char* text : {"Ġ", "Ċ", "\\\""}) add(text);
  std::string added;
  const auto mark = [&](const std::string& text, bool special) {
    absl::StrAppend(&added, added.empty() ? "" : ",", "{\"id\":", id++, ",\"content\":\"", text,
                    "\",\"special\":", special ? "true" : "false", ",\"normalized\":false}");
  };
  for (const char* text : {"<think>", "</think>", "<tool_call>", "</tool_call>", "<asr_text>"}) {
    mark(text, /*special=*/false);
  }
  for (const char* text :
       {"<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|audio_pad|>", "<|audio_end|>"}) {
    mark(text, /*special=*/true);
  }
  absl::StatusOr<tokenizer::Tokenizer> made = tokenizer::Tokenizer::FromJson(
      absl::StrCat("{\"added_tokens\":[", added,
                   "],\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                   "\"use_regex\":false},\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":"
                   "\"BPE\",\"vocab\":{",
                   vocabulary, "},\"merges\":[]}}"),
      "test");
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

// Writes `text`, a token after the other, to whoever asks; or fails as it is told.
class FakeService : public engine::Service {
 public:
  explicit FakeService(const tokenizer::Tokenizer* tokenizer) : tokenizer_(tokenizer) {}
  ~FakeService() override {
    for (std::thread& thread : threads_) thread.join();
  }

  absl::StatusOr<uint64_t> Submit(engine::ServiceRequest request,
                                  std::shared_ptr<engine::RequestListener> listener) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    submitted.push_back(request);
    changed_.notify_all();
    if (!refusal.ok()) return refusal;
    if (is_silent) {
      silent_.push_back(std::move(listener));
    } else {
      const bool waits = last_comes_first && last_ == 0;
      threads_.emplace_back(
          [this, request, listener, waits] { Write(request, listener.get(), waits); });
    }
    return ++last_;
  }
  void Cancel(uint64_t id) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancelled_.push_back(id);
    changed_.notify_all();
  }
  void Pause(uint64_t, bool) override {}
  void Drain() override {}
  std::unique_ptr<engine::ServiceStats> Stats() const override {
    return std::make_unique<engine::ServiceStats>();
  }
  engine::SequenceModel model() const override {
    return {tokenizer_, tokenizer_->vocabulary_size(), context};
  }
  double RetryAfterSeconds() const override { return 6.5; }

  bool WaitForCancel() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [this] { return !cancelled_.empty(); });
  }

  bool WaitForSubmit() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [this] { return !submitted.empty(); });
  }

  std::string text;
  int64_t context = 200;
  absl::Status refusal;  // of what is submitted
  absl::Status failure;  // what texts end with
  bool is_silent = false;
  bool last_comes_first = false;  // of two requests, the second is answered before the first
  std::deque<engine::ServiceRequest> submitted;  // which stay where they are as others come

  static constexpr int64_t kRows = 13;  // of each sound

 private:
  void Write(const engine::ServiceRequest& request, engine::RequestListener* listener, bool waits) {
    if (waits) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(5), [this] { return has_answered_; });
    }
    for (int64_t choice = 0; choice < request.choices; ++choice) {
      engine::Generation generation;
      generation.finish = engine::FinishReason::kStop;
      generation.prompt_tokens = static_cast<int64_t>(request.prompt.size());
      if (request.sound != nullptr) generation.prompt_tokens += kRows - 1;
      for (const int32_t id : tokenizer_->Encode(text)) {
        listener->OnToken(choice, {id, std::string(tokenizer_->TokenBytes(id)), -1, {}});
        generation.tokens.push_back(id);
      }
      if (failure.ok()) {
        listener->OnEnd(choice, "", generation);
      } else {
        listener->OnEnd(choice, "", failure);
      }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    has_answered_ = true;
    changed_.notify_all();
  }

  const tokenizer::Tokenizer* tokenizer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t last_ = 0;
  bool has_answered_ = false;
  std::vector<uint64_t> cancelled_;
  std::vector<std::shared_ptr<engine::RequestListener>> silent_;
  std::vector<std::thread> threads_;
};

inline constexpr char kTemplate[] =
    "{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}"
    "{% if enable_thinking %}<think>{% endif %}";

class AppTest : public testing::Test {
 protected:
  AppTest() : tokenizer_(MakeTokenizer()), service_(std::make_unique<FakeService>(&tokenizer_)) {
    model_.id = "m";
    model_.service = service_.get();
    model_.texts = service_->model();
    model_.trie = [trie = grammar::TokenTrie::Create(tokenizer_)] { return trie; };
    model_.fingerprint = "lluda-0";
    model_.fingerprint_json = "{}";
    auto parsed = tokenizer::ChatTemplate::Create({{{"default", "test", kTemplate}}, {}});
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    model_.chat_template = *std::move(parsed);
    AppOptions options;
    options.access.origins = {"https://chat.example"};
    options.write_log = [this](const std::string& line) {
      const std::lock_guard<std::mutex> lock(log_mutex_);
      log_ += line;
    };
    options.write_text_log = [this](const std::string& line) {
      const std::lock_guard<std::mutex> lock(log_mutex_);
      text_log_ += line;
    };
    app_ = *App::Create(std::move(options));
    http::ServerOptions listen;
    listen.port = 0;
    listen.stream_head_ms = 50;
    server_ = *http::Server::Start(listen, app_.get());
  }
  ~AppTest() override {
    server_.reset();
    app_->Stop();
    service_.reset();
  }

  int Connect() const {
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return client;
  }
  static void Send(int client, const std::string& body,
                   const std::string& path = "/v1/chat/completions",
                   const std::string& type = "application/json") {
    SendBytes(client, absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Type: ",
                                   type, "\r\nConnection: close\r\nContent-Length: ", body.size(),
                                   "\r\n\r\n", body));
  }
  static void SendBytes(int client, const std::string& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t count = send(client, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      ASSERT_GT(count, 0);
      sent += static_cast<size_t>(count);
    }
  }
  static std::string ReadToEnd(int client) {
    std::string read;
    char buffer[4096];
    for (ssize_t count; (count = recv(client, buffer, sizeof(buffer), 0)) > 0;) {
      read.append(buffer, static_cast<size_t>(count));
    }
    close(client);
    return read;
  }
  std::string Ask(const std::string& path, const std::string& body) {
    const int client = Connect();
    Send(client, body, path);
    return ReadToEnd(client);
  }
  // The answer to a chat with these fields beside its messages.
  std::string Chat(const std::string& fields) {
    const int client = Connect();
    Send(client, absl::StrCat(R"({"messages": [{"role": "user", "content": "hi"}])",
                              fields.empty() ? "" : ", ", fields, "}"));
    return ReadToEnd(client);
  }

  tokenizer::Tokenizer tokenizer_;
  std::unique_ptr<FakeService> service_;
  ServedModel model_;
  std::mutex log_mutex_;
  std::string log_, text_log_;
  std::unique_ptr<App> app_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_APP_FIXTURE_H_
