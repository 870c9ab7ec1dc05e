// The API over a real connection, with a service that says what the test wants.
#include "serve/app.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/grammar/token_trie.h"
#include "engine/service/service_stats.h"
#include "media/log_mel.h"
#include "media/sound_file.h"
#include "media/test_sounds.h"
#include "serve/http/server.h"

namespace lluda::serve {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A token for each letter, and the markers.
tokenizer::Tokenizer MakeTokenizer() {
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

constexpr char kTemplate[] =
    "{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}"
    "{% if enable_thinking %}<think>{% endif %}";
constexpr char kTools[] =
    R"("tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}])";

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

  // The answer to a form with a tone of so many seconds and these fields.
  std::string Transcribe(double seconds,
                         const std::vector<std::pair<std::string, std::string>>& fields = {}) {
    const std::string sound =
        media::EncodedSound({}, media::Tone(440, media::kSampleRate, seconds));
    return TranscribeFile(sound, fields);
  }
  std::string TranscribeFile(const std::string& sound,
                             const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string body = absl::StrCat(
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n", sound,
        "\r\n");
    for (const auto& [name, value] : fields) {
      absl::StrAppend(&body, "--xyz\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n",
                      value, "\r\n");
    }
    const int client = Connect();
    Send(client, body + "--xyz--\r\n", "/v1/audio/transcriptions",
         "multipart/form-data; boundary=xyz");
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

TEST_F(AppTest, IsLoadingUntilThereIsAModel) {
  EXPECT_THAT(Chat(""), HasSubstr(R"("code": "loading")"));
  app_->Serve(&model_);
  service_->text = "yes";
  EXPECT_THAT(Chat(""), HasSubstr(R"("content": "yes")"));
  app_->Drain();
  EXPECT_THAT(Chat(""), HasSubstr(R"("code": "draining")"));
}

TEST_F(AppTest, HeadIsAnsweredAsGetIs) {
  app_->Serve(&model_);
  for (const char* path : {"/", "/health", "/metrics", "/fingerprint", "/v1/models"}) {
    const int client = Connect();
    SendBytes(client, absl::StrCat("HEAD ", path,
                                   " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    const std::string answer = ReadToEnd(client);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 ")) << path;
    EXPECT_THAT(answer, EndsWith("\r\n\r\n")) << path;
  }
}

TEST_F(AppTest, ThoughtsAndCallsAreToldFromContent) {
  app_->Serve(&model_);
  service_->text =
      "<think>\nhm\n</think>\n\nok\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": "
      "1}}\n</tool_call>";
  const std::string whole = Chat(kTools);
  EXPECT_THAT(
      whole,
      HasSubstr(R"("content": "ok", "refusal": null, "reasoning_content": "hm", "tool_calls")"));
  EXPECT_THAT(whole, HasSubstr(R"("name": "f", "arguments": "{\"x\": 1}"}}])"));
  EXPECT_THAT(whole, HasSubstr(R"("finish_reason": "tool_calls")"));
  EXPECT_THAT(whole, HasSubstr(R"("reasoning_tokens": 6)"));
  const std::string stream = Chat(absl::StrCat(kTools, R"(, "stream": true)"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {"reasoning_content": "h"})"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {"content": "o"})"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {"tool_calls": [{"index": 0, "id": "call_)"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {}, "logprobs": null, "finish_reason": "tool_calls")"));
  EXPECT_THAT(stream, HasSubstr("data: [DONE]\n\n"));
  // Without tools a call is content.
  EXPECT_THAT(Chat(""), HasSubstr(R"("finish_reason": "stop")"));
}

TEST_F(AppTest, ACallsArgumentsAreStreamedAsTheyAreWritten) {
  app_->Serve(&model_);
  service_->text = "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>";
  const std::string stream = Chat(absl::StrCat(kTools, R"(, "stream": true)"));
  EXPECT_THAT(stream,
              HasSubstr(R"("type": "function", "function": {"name": "f", "arguments": "{"}})"));
  EXPECT_THAT(stream, HasSubstr(R"("tool_calls": [{"index": 0, "function": {"arguments": "x"}}])"));
}

TEST_F(AppTest, BiasesReachTheSampler) {
  app_->Serve(&model_);
  service_->text = "a";
  Chat(R"("logit_bias": {"3": -100, "5": 1.5})");
  const auto& biases = service_->submitted.front().options.sampler.logit_bias;
  ASSERT_EQ(biases.size(), 2u);
  EXPECT_EQ(biases[0].token, 3);
  EXPECT_EQ(biases[0].bias, -100);
  EXPECT_EQ(biases[1].bias, 1.5f);
}

TEST_F(AppTest, WithoutThinkingAConstraintBeginsAtOnce) {
  app_->Serve(&model_);
  service_->text = "a";
  const std::string regex = R"("structured_outputs": {"regex": "a"})";
  Chat(regex);
  Chat(absl::StrCat(regex, R"(, "reasoning_effort": "none")"));
  ASSERT_EQ(service_->submitted.size(), 2u);
  const auto thought = [this](size_t i) {
    return service_->submitted[i].options.constraint->options().thought_begin;
  };
  EXPECT_TRUE(thought(0).has_value());
  EXPECT_FALSE(thought(1).has_value());
}

TEST_F(AppTest, AModelOfVectorsAnswersEmbeddingsAlone) {
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": "a"})"), HasSubstr(R"("code": "loading")"));
  model_.service = nullptr;
  model_.embed = [](absl::Span<const std::vector<int32_t>> texts,
                    int64_t dimensions) -> absl::StatusOr<std::vector<std::vector<float>>> {
    if (dimensions > 2) return absl::InvalidArgumentError("are 1 to 2");
    std::vector<std::vector<float>> vectors;
    for (const std::vector<int32_t>& text : texts) {
      vectors.push_back({static_cast<float>(text.size()), 0.5f});
    }
    return vectors;
  };
  app_->Serve(&model_);
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": ["abc", [1, 2]]})"),
              EndsWith(R"("data": [{"object": "embedding", "index": 0, "embedding": [3, 0.5]}, )"
                       R"({"object": "embedding", "index": 1, "embedding": [2, 0.5]}], )"
                       R"("model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5}})"));
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": "a", "dimensions": 3})"),
              HasSubstr(R"("param": "dimensions")"));
  EXPECT_THAT(
      Ask("/v1/embeddings", absl::StrCat(R"({"input": ["a", ")", std::string(201, 'a'), R"("]})")),
      HasSubstr(R"("param": "input[1]", "code": "context_length_exceeded")"));
  EXPECT_THAT(Chat(""), HasSubstr(R"("code": "unsupported_endpoint")"));
}

TEST_F(AppTest, AModelOfTextsMakesNoVectors) {
  app_->Serve(&model_);
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": "a"})"),
              HasSubstr(R"("code": "unsupported_endpoint")"));
}

TEST_F(AppTest, PromptsAndAnswersAreWrittenDownForThoseWhoAskAlone) {
  app_->Serve(&model_);
  service_->text = "<think>hm</think>yes";
  Chat(R"("seed": 5)");
  app_->Stop();  // all lines are written
  const std::lock_guard<std::mutex> lock(log_mutex_);
  EXPECT_THAT(text_log_, HasSubstr(R"("seed": 5, "finish": "stop", "prompts": ["userhi"], )"
                                   R"("answers": ["<think>hm</think>yes"]})"));
  EXPECT_THAT(log_, HasSubstr(" queue="));
  EXPECT_THAT(log_, Not(HasSubstr("userhi")));
  EXPECT_THAT(log_, Not(HasSubstr("yes")));
}

TEST_F(AppTest, APageThatMayAskMayHaveTheHeadersOfItsClient) {
  const auto ask = [this](const std::string& headers) {
    const int client = Connect();
    SendBytes(client, absl::StrCat("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                                   "Origin: https://chat.example\r\nConnection: close\r\n",
                                   headers, "\r\n"));
    return ReadToEnd(client);
  };
  const std::string answer =
      ask("Access-Control-Request-Headers: authorization, x-stainless-lang,x-stainless-os\r\n");
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Headers: authorization, "
                                "x-stainless-lang,x-stainless-os\r\n"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Expose-Headers: Retry-After, x-lluda-ignored, "
                                "x-lluda-seed, x-request-id\r\n"));
  const char* const kNeeded = "Access-Control-Allow-Headers: Authorization, Content-Type\r\n";
  for (const char* headers :
       {"", "Access-Control-Request-Headers: a b\r\n", "Access-Control-Request-Headers: a;b, c\r\n",
        "Access-Control-Request-Headers: \r\n"}) {
    EXPECT_THAT(ask(headers), HasSubstr(kNeeded)) << headers;
  }
}

TEST_F(AppTest, WhoIsRefusedAtTheHeadIsWrittenDown) {
  app_->Serve(&model_);
  for (const char* request :
       {"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "GET\r\n"}) {
    const int client = Connect();
    SendBytes(client, request);
    EXPECT_THAT(ReadToEnd(client), HasSubstr("\"error\"")) << request;
  }
  app_->Stop();  // all lines are written
  const std::lock_guard<std::mutex> lock(log_mutex_);
  EXPECT_THAT(log_, ContainsRegex("peer:127.0.0.1.*\n.*peer:127.0.0.1.*\n.*peer:127.0.0.1"));
}

TEST_F(AppTest, AnAnswerEndsWithItsFirstCallWhereOnlyOneIsWanted) {
  app_->Serve(&model_);
  const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
  service_->text = call + call + "more";
  const std::string whole = Chat(absl::StrCat(kTools, R"(, "parallel_tool_calls": false)"));
  EXPECT_THAT(whole, HasSubstr(R"("content": null)"));
  EXPECT_THAT(whole, Not(HasSubstr("more")));
  EXPECT_TRUE(service_->WaitForCancel());
}

TEST_F(AppTest, AThoughtThatThePromptBeginsIsOne) {
  app_->Serve(&model_);
  service_->text = "hm</think>yes";
  const std::string whole = Chat(R"("chat_template_kwargs": {"enable_thinking": true})");
  EXPECT_THAT(whole, HasSubstr(R"("content": "yes", "refusal": null, "reasoning_content": "hm")"));
}

TEST_F(AppTest, ARequestIsHandedOnAsItAsks) {
  app_->Serve(&model_);
  service_->text = "a";
  Chat(R"("temperature": 0.5, "max_tokens": 7, "seed": 9, "n": 2, "stop": "x", "top_logprobs": 1,
          "logprobs": true, "cache_salt": "s")");
  const engine::ServiceRequest& request = service_->submitted.at(0);
  EXPECT_EQ(request.options.sampler.temperature, 0.5f);
  EXPECT_EQ(request.options.sampler.seed, 9u);
  EXPECT_EQ(request.options.max_new_tokens, 7);
  EXPECT_THAT(request.options.stop_strings, ElementsAre("x"));
  EXPECT_FALSE(request.options.continues);
  EXPECT_EQ(request.choices, 2);
  EXPECT_EQ(request.top_logprobs, 1);
  EXPECT_EQ(request.client, "peer:127.0.0.1");
  Chat(R"("seed": 9)");
  EXPECT_NE(service_->submitted.at(1).prefix_key, request.prefix_key);
  EXPECT_EQ(service_->submitted.at(1).options.max_new_tokens, 200);
}

TEST_F(AppTest, WhatTheServiceRefusesHasAStatusInStreamsToo) {
  app_->Serve(&model_);
  service_->refusal = absl::ResourceExhaustedError("256 requests wait");
  for (const char* fields : {"", R"("stream": true)"}) {
    const std::string answer = Chat(fields);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 7\r\n"));
    EXPECT_THAT(answer, HasSubstr(R"("code": "queue_full")"));
  }
}

TEST_F(AppTest, AGrammarThatAsksForTooMuchIsTheRequestsFaultAndNotTriedAgain) {
  app_->Serve(&model_);
  service_->failure = absl::ResourceExhaustedError("it is too complex: it is in 9000 places");
  const std::string schema = R"("response_format": {"type": "json_object"})";
  for (const char* stream : {"", R"(, "stream": true)"}) {
    const std::string answer = Chat(schema + stream);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(answer, HasSubstr(R"("code": "schema_too_complex")"));
    EXPECT_THAT(answer, HasSubstr(R"("param": "response_format")"));
    EXPECT_THAT(answer, HasSubstr("response_format: it is too complex: it is in 9000 places"));
    EXPECT_THAT(answer, Not(HasSubstr("Retry-After")));
    EXPECT_THAT(Chat(absl::StrCat(kTools, stream)), HasSubstr(R"("param": "tools")"));
  }
}

TEST_F(AppTest, AStreamThatFailsLateEndsWithTheError) {
  app_->Serve(&model_);
  service_->text = "abc";
  service_->failure = absl::InternalError("a step failed");
  const std::string stream = Chat(R"("stream": true)");
  EXPECT_THAT(stream, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(stream, HasSubstr(R"(data: {"error": {"message": "a step failed")"));
  EXPECT_THAT(stream, Not(HasSubstr("[DONE]")));
  EXPECT_THAT(stream, EndsWith("\r\n0\r\n\r\n"));
  EXPECT_THAT(Chat(""), StartsWith("HTTP/1.1 500"));
}

TEST_F(AppTest, AClientThatLeavesIsCancelled) {
  app_->Serve(&model_);
  service_->is_silent = true;
  const int client = Connect();
  Send(client, R"({"messages": [{"role": "user", "content": "hi"}], "stream": true})");
  char head[16];
  EXPECT_GT(recv(client, head, sizeof(head), 0), 0);  // of the stream, for want of a token
  close(client);
  EXPECT_TRUE(service_->WaitForCancel());
}

TEST_F(AppTest, WhatStillRunsCanBeEnded) {
  app_->Serve(&model_);
  service_->is_silent = true;
  const int client = Connect();
  Send(client, R"({"messages": [{"role": "user", "content": "hi"}]})");
  EXPECT_TRUE(service_->WaitForSubmit());
  app_->EndAll();
  EXPECT_THAT(ReadToEnd(client), HasSubstr(R"("code": "draining")"));
}

class TranscriptionTest : public AppTest {
 protected:
  // The pieces of text that a stream gave, a | behind each.
  static std::string DeltasOf(const std::string& answer) {
    const std::string kDelta = R"("delta": ")";
    std::string deltas;
    for (size_t at = 0; (at = answer.find(kDelta, at)) != std::string::npos;) {
      at += kDelta.size();
      absl::StrAppend(&deltas, answer.substr(at, answer.find('"', at) - at), "|");
    }
    return deltas;
  }

  TranscriptionTest() {
    model_.mel_bins = media::kMelBins;
    app_->Serve(&model_);
    service_->text = "language Hindi<asr_text>hello.";
  }
};

TEST_F(TranscriptionTest, ASoundBecomesATextAndItsTokens) {
  const std::string answer = Transcribe(1);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr(R"({"text": "hello.", "usage": {"type": "tokens")"));
  EXPECT_THAT(answer, HasSubstr(R"("audio_tokens": 13)"));
  EXPECT_THAT(answer, HasSubstr("x-lluda-seed: "));
  const engine::ServiceRequest& request = service_->submitted.at(0);
  ASSERT_NE(request.sound, nullptr);
  EXPECT_EQ(request.sound->frames, 100);
  EXPECT_EQ(request.sound->features.size(), 128u * 100);
  EXPECT_EQ(tokenizer_.TokenBytes(request.prompt.at(request.sound->place)), "<|audio_pad|>");
  EXPECT_FALSE(request.options.stop_tokens.empty());
  EXPECT_EQ(request.client, "peer:127.0.0.1");
}

TEST_F(TranscriptionTest, TheTextAloneIsAFormat) {
  EXPECT_THAT(Transcribe(1, {{"response_format", "text"}}), EndsWith("\r\n\r\nhello.\n"));
}

TEST_F(TranscriptionTest, AGivenLanguageIsInThePrompt) {
  service_->text = "hello.";
  EXPECT_THAT(Transcribe(1, {{"language", "hi"}, {"prompt", "ada"}, {"temperature", "0.5"}}),
              HasSubstr(R"("text": "hello.")"));
  const engine::ServiceRequest& request = service_->submitted.at(0);
  const std::string prompt = tokenizer_.Decode(request.prompt, /*skip_special=*/false);
  EXPECT_THAT(prompt, EndsWith("language Hindi<asr_text>"));
  EXPECT_THAT(prompt, HasSubstr("system\nada<|im_end|>"));
  EXPECT_EQ(request.options.sampler.temperature, 0.5f);
}

TEST_F(TranscriptionTest, ASeedIsTheOneThatIsAskedFor) {
  EXPECT_THAT(Transcribe(1, {{"seed", "-5"}}), HasSubstr("x-lluda-seed: -5\r\n"));
  EXPECT_EQ(service_->submitted.at(0).options.sampler.seed, static_cast<uint64_t>(-5));
}

TEST_F(TranscriptionTest, ALongSoundIsHeardInPieces) {
  service_->context = 500;  // room for 20 s
  EXPECT_THAT(Transcribe(25, {{"response_format", "text"}}), EndsWith("\r\n\r\nhello.\nhello.\n"));
  ASSERT_EQ(service_->submitted.size(), 2u);
  EXPECT_LE(service_->submitted[0].sound->frames, 2000);
}

TEST_F(TranscriptionTest, AStreamGivesTheTextAsItComes) {
  const std::string answer = Transcribe(1, {{"stream", "true"}});
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(answer, HasSubstr(R"(data: {"type": "transcript.text.delta", "delta": "h"})"));
  EXPECT_EQ(DeltasOf(answer), "h|e|l|l|o|.|");
  EXPECT_THAT(answer, HasSubstr(R"("transcript.text.done", "text": "hello.", "usage": {)"));
  EXPECT_THAT(answer, HasSubstr("data: [DONE]\n\n"));
}

TEST_F(TranscriptionTest, AStreamGivesPiecesInTheirOrder) {
  service_->context = 500;  // room for 20 s
  service_->last_comes_first = true;
  const std::string answer = Transcribe(25, {{"stream", "true"}});
  ASSERT_EQ(service_->submitted.size(), 2u);
  EXPECT_EQ(DeltasOf(answer), "h|e|l|l|o|.|\\nh|e|l|l|o|.|");
  EXPECT_THAT(answer, HasSubstr(R"("text": "hello.\nhello.")"));
}

TEST_F(TranscriptionTest, AStreamThatFailsEndsWithTheError) {
  service_->failure = absl::InternalError("a step failed");
  const std::string answer = Transcribe(1, {{"stream", "true"}});
  EXPECT_THAT(answer, HasSubstr(R"(data: {"error": {"message": "a step failed)"));
  EXPECT_THAT(answer, Not(HasSubstr("[DONE]")));
}

TEST_F(TranscriptionTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(TranscribeFile("hello", {}), HasSubstr("file: is no sound file"));
  EXPECT_THAT(Transcribe(30), HasSubstr(R"("code": "context_length_exceeded")"));
  EXPECT_THAT(Transcribe(30), HasSubstr(R"("param": "file")"));
  EXPECT_THAT(Transcribe(1, {{"prompt", std::string(150, 'a')}}),
              HasSubstr(R"("param": "prompt")"));
  EXPECT_THAT(Transcribe(1, {{"language", "xx"}}), HasSubstr("language 'xx' is unknown"));
  EXPECT_THAT(Transcribe(1, {{"model", "other"}}), HasSubstr(R"("code": "model_not_found")"));
  EXPECT_THAT(Transcribe(1, {{"response_format", "srt"}}), HasSubstr("response_format: must be"));
  EXPECT_THAT(Transcribe(1, {{"stream", "yes"}}), HasSubstr("stream: must be true or false"));
  EXPECT_THAT(Transcribe(1, {{"colour", "red"}}), HasSubstr("x-lluda-ignored: colour"));
  model_.mel_bins = 0;
  EXPECT_THAT(Transcribe(1), HasSubstr("model: 'm' hears nothing"));
}

TEST_F(TranscriptionTest, OnlyAFormIsRead) {
  const int client = Connect();
  Send(client, "{}", "/v1/audio/transcriptions");
  EXPECT_THAT(ReadToEnd(client), HasSubstr("the Content-Type must be multipart/form-data"));
  const int chat = Connect();
  Send(chat, "{}", "/v1/chat/completions", "multipart/form-data; boundary=xyz");
  EXPECT_THAT(ReadToEnd(chat), HasSubstr("the Content-Type must be application/json"));
}

TEST_F(TranscriptionTest, WhatTheServiceRefusesHasAStatus) {
  service_->refusal = absl::ResourceExhaustedError("256 requests wait");
  const std::string answer = Transcribe(1);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 7\r\n"));
}

TEST_F(TranscriptionTest, OneThatFailsIsAnError) {
  service_->failure = absl::InternalError("a step failed");
  EXPECT_THAT(Transcribe(1), StartsWith("HTTP/1.1 500"));
}

}  // namespace
}  // namespace lluda::serve
