// Damages requests, reproducibly, and cuts them in pieces: what comes of them does not depend on the
// cuts, and stays within the limits.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutate_text.h"
#include "serve/http/request_parser.h"

namespace lluda::http {
namespace {

using State = RequestParser::State;

constexpr int kIterations = 20000;

constexpr std::string_view kSeeds[] = {
    "GET /v1/models?a=b HTTP/1.1\r\nHost: a\r\nX-Long: b c\r\nConnection: close\r\n\r\n"
    "HEAD / HTTP/1.0\r\n\r\n",
    "POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
    "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n",
    "POST /v1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n"
    "0123456789\r\n0\r\nTrailer: x\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
};

constexpr std::string_view kFragments[] = {
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "\r\n ",
    "\r\n\r\n",
    "0\r\n\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b\r\n",
    "HTTP/2.0",
    "HTTP/1.0",
    "Upgrade: h2c\r\n",
    "FFFFFFFFFFFFFFFF",
    "-1",
    "+1",
    "\xFF",
    "chunked",
    "identity",
    ",",
    "GET ",
    "PRI * ",
};

// What came of the bytes, in a line for each request.
std::vector<std::string> Outcome(const std::string& bytes, const std::vector<size_t>& cuts) {
  ParserLimits limits;
  limits.head_bytes = 300;
  limits.body_bytes = 200;
  RequestParser parser(limits);
  std::vector<std::string> outcome;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i == cuts.size() ? bytes.size() : cuts[i];
    while (begin < end) {
      const size_t taken = parser.Feed(absl::string_view(bytes).substr(begin, end - begin));
      EXPECT_TRUE(taken > 0 && taken <= end - begin);
      if (taken == 0) return outcome;
      begin += taken;
      if (parser.state() == State::kFailed) {
        outcome.push_back(absl::StrCat("failed ", parser.error().status));
        return outcome;
      }
      if (parser.state() != State::kComplete) continue;
      const Request request = parser.Take();
      EXPECT_LE(request.body.size(), limits.body_bytes);
      std::string line = absl::StrCat(request.method, " ", request.path, " ", request.body, " ",
                                      request.keep_alive ? "keep" : "close");
      for (const Header& header : request.headers) {
        absl::StrAppend(&line, "|", header.name, "=", header.value);
      }
      outcome.push_back(std::move(line));
    }
  }
  return outcome;
}

TEST(FuzzRequests, CutsDoNotChangeWhatIsRead) {
  std::mt19937 random(20260228);
  int complete = 0, failed = 0;
  for (int i = 0; i < kIterations && !HasFailure(); ++i) {
    const std::string bytes =
        base::MutateText(std::string(kSeeds[i % std::size(kSeeds)]), kFragments, &random);
    const std::vector<std::string> whole = Outcome(bytes, {});
    std::vector<size_t> each;
    for (size_t at = 1; at < bytes.size(); ++at) each.push_back(at);
    ASSERT_EQ(Outcome(bytes, each), whole) << bytes;
    const size_t middle = bytes.empty() ? 0 : random() % bytes.size();
    ASSERT_EQ(Outcome(bytes, {middle}), whole) << bytes;
    for (const std::string& line : whole) ++(line.substr(0, 6) == "failed" ? failed : complete);
  }
  EXPECT_GT(complete, kIterations / 10);
  EXPECT_GT(failed, kIterations / 10);
}

}  // namespace
}  // namespace lluda::http
