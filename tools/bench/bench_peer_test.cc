// Peers that are scripts: what is asked of them, and what is made of their answers.
#include "tools/bench/bench_peer.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

class BenchPeerTest : public ::testing::Test {
 protected:
  BenchPeerTest() : gguf_(folder_.Write("m.gguf", "")) {}

  std::string Script(const std::string& lines) {
    const std::string path = folder_.Write("llama-bench", "#!/bin/sh\n" + lines);
    chmod(path.c_str(), 0700);
    return path;
  }

  // Of a peer of these lines, beside a lluda of 600 tokens/s.
  absl::StatusOr<PeerSpeed> Measure(const std::string& lines, const PeerTest& test = {64, 0, 0}) {
    const Peer peer{Script(lines), gguf_, {"-fa", "1"}};
    return MeasurePeer(peer, test, 3, 2, [] { return 600.0; });
  }
  std::string ErrorOf(const std::string& lines) {
    const std::string error(Measure(lines).status().message());
    const std::string name = folder_.path() + "/llama-bench: ";
    return error.rfind(name, 0) == 0 ? error.substr(name.size()) : error;
  }

  base::TemporaryFolder folder_;
  std::string gguf_;
};

TEST_F(BenchPeerTest, ItIsAProgramAFileAndItsFlags) {
  const std::string program = Script("");
  const auto peer = ParsePeer(program + "," + gguf_ + ",-fa,1");
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->program, program);
  EXPECT_EQ(peer->gguf, gguf_);
  EXPECT_EQ(peer->flags, (std::vector<std::string>{"-fa", "1"}));
}

TEST_F(BenchPeerTest, WhatIsNoneIsToldBeforeAnythingRuns) {
  for (const std::string text : {"", "llama-bench", "llama-bench,", ",m.gguf", "a,b,,c"}) {
    EXPECT_EQ(
        ParsePeer(text).status(),
        absl::InvalidArgumentError("--peer: '" + text + "' is not LLAMA_BENCH,GGUF[,FLAG...]"));
  }
  EXPECT_EQ(ParsePeer("/none/llama-bench," + gguf_).status(),
            absl::NotFoundError("--peer: /none/llama-bench: no such program"));
  EXPECT_EQ(ParsePeer("llama-bench,none.gguf").status(),
            absl::NotFoundError("--peer: none.gguf: no such file"));
}

TEST_F(BenchPeerTest, EachRunIsComparedWithTheTwoAroundIt) {
  // lluda's speed doubles from turn to turn, and the peer's with it.
  double speed = 75;
  const std::string count = folder_.path() + "/count";
  const Peer peer{Script("echo >> " + count + "; n=$(wc -l < " + count +
                         "); echo \"[{\\\"avg_ts\\\": $((50 * n * n))}]\""),
                  gguf_,
                  {}};
  const auto result =
      MeasurePeer(peer, {64, 0, 0}, 3, 2, [&]() -> absl::StatusOr<double> { return speed *= 2; });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->tokens, 64);
  EXPECT_DOUBLE_EQ(result->own_tokens_per_s.median, 300);  // of 150, 300 and 600
  EXPECT_DOUBLE_EQ(result->tokens_per_s.min, 50);
  EXPECT_DOUBLE_EQ(result->tokens_per_s.max, 200);
  EXPECT_DOUBLE_EQ(result->times.max, 4.5);   // 225 over 50
  EXPECT_DOUBLE_EQ(result->times.min, 2.25);  // 450 over 200
}

TEST_F(BenchPeerTest, ItIsToldLengthsThreadsAndItsFlags) {
  const std::string said = folder_.path() + "/said";
  const std::string script = "echo $* > " + said + "; echo '[{\"avg_ts\": 300}]'";
  const auto told = [&] {
    std::string line;
    std::ifstream file(said);
    std::getline(file, line);
    return line;
  };
  ASSERT_TRUE(Measure(script).ok());
  EXPECT_EQ(told(), "-m " + gguf_ + " -o json -t 3 -r 1 -fa 1 -p 64 -n 0");
  const auto decode = Measure(script, {0, 9, 100});
  ASSERT_TRUE(decode.ok());
  EXPECT_EQ(told(), "-m " + gguf_ + " -o json -t 3 -r 1 -fa 1 -p 0 -n 9 -d 100");
  EXPECT_EQ(decode->tokens, 9);
  EXPECT_EQ(decode->depth, 100);
  EXPECT_DOUBLE_EQ(decode->times.median, 2);
  EXPECT_DOUBLE_EQ(decode->times.spread, 0);
}

TEST_F(BenchPeerTest, OneThatFailsIsNamedWithItsLastWords) {
  EXPECT_EQ(ErrorOf("echo loading >&2; echo no such tensor >&2; exit 3"),
            "ended with 3: no such tensor");
  EXPECT_EQ(ErrorOf("exit 3"), "ended with 3");
  EXPECT_EQ(ErrorOf("kill -SEGV $$"), "was ended by signal 11");
  EXPECT_EQ(Measure("exit 3").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(BenchPeerTest, OutputThatIsNotOneSpeedIsAnError) {
  const std::string other = "its output is not one row of JSON with avg_ts";
  EXPECT_EQ(ErrorOf("true"), "prints nothing");
  EXPECT_EQ(ErrorOf("echo '| model | t/s |'"), other);
  EXPECT_EQ(ErrorOf("echo '[]'"), other);
  EXPECT_EQ(ErrorOf("echo '{\"avg_ts\": 3}'"), other);
  EXPECT_EQ(ErrorOf("echo '[{\"avg_ts\": 3}, {\"avg_ts\": 3}]'"), other);
  EXPECT_EQ(ErrorOf("echo '[{\"avg_ts\": \"3\"}]'"), other);
  EXPECT_EQ(ErrorOf("echo '[{\"avg_ts\": 0}]'"), "it says 0 tokens/s");
  EXPECT_EQ(ErrorOf("cat /dev/zero"), "writes more than a megabyte");
}

TEST_F(BenchPeerTest, AProgramThatIsNotThereIsNamed) {
  const Peer peer{"no-such-llama-bench", gguf_, {}};
  const auto own = [] { return 600.0; };
  EXPECT_EQ(MeasurePeer(peer, {64, 0, 0}, 3, 2, own).status(),
            absl::NotFoundError("no-such-llama-bench: cannot be run: No such file or directory"));
}

TEST_F(BenchPeerTest, AnErrorOfLludasOwnIsTheError) {
  const Peer peer{Script("echo '[{\"avg_ts\": 300}]'"), gguf_, {}};
  const auto wrong = [] { return absl::InternalError("the output is wrong"); };
  EXPECT_EQ(MeasurePeer(peer, {64, 0, 0}, 3, 2, wrong).status(), wrong());
}

}  // namespace
}  // namespace lluda::tools
