#include "serve/http/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lluda::http {
namespace {

using State = RequestParser::State;

// Feeds the bytes in pieces of so many, to the end of one request; what is left of them.
std::string FeedAll(RequestParser* parser, absl::string_view bytes, size_t piece = 1 << 20) {
  while (!bytes.empty() && parser->state() != State::kComplete &&
         parser->state() != State::kFailed) {
    bytes.remove_prefix(parser->Feed(bytes.substr(0, piece)));
  }
  return std::string(bytes);
}

int StatusOf(absl::string_view bytes, const ParserLimits& limits = {}) {
  RequestParser parser(limits);
  FeedAll(&parser, bytes);
  return parser.state() == State::kFailed     ? parser.error().status
         : parser.state() == State::kComplete ? 200
                                              : 0;
}

std::string Chunked(absl::string_view body) {
  return absl::StrCat("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body);
}

TEST(RequestParserTest, ReadsARequestHoweverItIsCut) {
  const std::string bytes =
      "\r\nPOST /v1/x?a=1&b HTTP/1.1\r\nHost: a\r\nX-Name:  v w \r\nEmpty:\r\nContent-Length: "
      "5\r\n\r\n"
      "helloGET";
  for (const size_t piece : {1, 2, 7, 1000}) {
    RequestParser parser({});
    EXPECT_EQ(FeedAll(&parser, bytes, piece), "GET");
    ASSERT_EQ(parser.state(), State::kComplete) << parser.error().message;
    const Request request = parser.Take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/v1/x");
    EXPECT_EQ(request.query, "a=1&b");
    EXPECT_EQ(request.body, "hello");
    EXPECT_TRUE(request.keep_alive);
    ASSERT_NE(request.Find("x-name"), nullptr);
    EXPECT_EQ(*request.Find("x-name"), "v w");
    EXPECT_EQ(*request.Find("empty"), "");
    EXPECT_EQ(request.Find("x-nam"), nullptr);
    EXPECT_EQ(parser.state(), State::kIdle);
  }
}

TEST(RequestParserTest, ReadsChunksAndDropsTrailers) {
  for (const size_t piece : {1, 3, 1000}) {
    RequestParser parser({});
    EXPECT_EQ(
        FeedAll(&parser, Chunked("3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nHost: evil\r\n\r\nrest"), piece),
        "rest");
    ASSERT_EQ(parser.state(), State::kComplete) << parser.error().message;
    const Request request = parser.Take();
    EXPECT_EQ(request.body, "abcde");
    EXPECT_EQ(*request.Find("host"), "a");
  }
}

TEST(RequestParserTest, OneRequestFollowsAnother) {
  RequestParser parser({});
  std::string rest = FeedAll(&parser,
                             "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                             "GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(parser.Take().path, "/1");
  EXPECT_EQ(FeedAll(&parser, rest), "");
  const Request second = parser.Take();
  EXPECT_EQ(second.path, "/2");
  EXPECT_FALSE(second.keep_alive);
}

TEST(RequestParserTest, StopsBehindTheHead) {
  RequestParser parser({});
  const std::string head =
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(parser.Feed(head + "hi"), head.size());
  EXPECT_EQ(parser.state(), State::kHead);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.request().method, "POST");
  parser.DropBody();
  EXPECT_EQ(parser.Feed("hi"), 2u);
  EXPECT_EQ(parser.Take().body, "");
}

TEST(RequestParserTest, WhatTwoServersCouldReadInTwoWaysIsRefused) {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::string bad[] = {
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tfolded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nName : b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n",
      absl::StrCat("GET / HTTP/1.1\r\nHost: a\r\nX: a", absl::string_view("\0", 1), "\r\n\r\n"),
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\norigin: http://b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: a\r\n\r\n",
      start + "Content-Type: a\r\nContent-Type: b\r\nContent-Length: 0\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / \r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
      "GET / http/1.1\r\nHost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
      "\x16\x03\x01\x02",
      start + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
      start + "Content-Length: 3, 3\r\n\r\nabc",
      start + "Content-Length: +3\r\n\r\nabc",
      start + "Content-Length: -1\r\n\r\n",
      start + "Content-Length: 0x3\r\n\r\nabc",
      start + "Content-Length: 18446744073709551616\r\n\r\n",
      start + "Content-Length: \r\n\r\n",
      start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: identity\r\n\r\n",
      start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      Chunked("x\r\n"),
      Chunked("-1\r\n"),
      Chunked("0x1\r\na\r\n0\r\n\r\n"),
      Chunked("1\r\nabc"),
      Chunked("ffffffffffffffffff\r\n"),
      Chunked(" 1\r\na\r\n0\r\n\r\n"),
  };
  for (const std::string& bytes : bad) EXPECT_EQ(StatusOf(bytes), 400) << bytes;
  EXPECT_EQ(StatusOf(start + "Expect: 200-ok\r\n\r\n"), 417);
}

TEST(RequestParserTest, LimitsEndARequestWithTheirStatus) {
  ParserLimits limits;
  limits.head_bytes = 200;
  limits.headers = 3;
  limits.body_bytes = 10;
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(StatusOf("GET /" + std::string(300, 'a'), limits), 414);
  EXPECT_EQ(StatusOf(start + "X: " + std::string(300, 'a'), limits), 431);
  EXPECT_EQ(StatusOf(start + "A: 1\r\nB: 1\r\n\r\n", limits), 200);
  EXPECT_EQ(StatusOf(start + "A: 1\r\nB: 1\r\nC: 1\r\n\r\n", limits), 431);
  EXPECT_EQ(StatusOf(start + "Content-Length: 10\r\n\r\n0123456789", limits), 200);
  EXPECT_EQ(StatusOf(start + "Content-Length: 11\r\n\r\n", limits), 413);
  EXPECT_EQ(StatusOf(Chunked("a\r\n0123456789\r\n0\r\n\r\n"), limits), 200);
  EXPECT_EQ(StatusOf(Chunked("a\r\n0123456789\r\n1\r\nx"), limits), 413);
  // Before a byte of a chunk comes.
  for (const char* size : {"b", "ffffffff", "ffffffffffffffff"}) {
    EXPECT_EQ(StatusOf(Chunked(absl::StrCat(size, "\r\n")), limits), 413) << size;
  }
}

TEST(RequestParserTest, WhatIsAroundChunksIsBoundedToo) {
  std::string endless = Chunked("1;");
  endless += std::string(1 << 20, 'x');
  EXPECT_EQ(StatusOf(endless), 413);
  std::string trailers = Chunked("0\r\n");
  for (int i = 0; i < 10000; ++i) trailers += "Some-Trailer: of some length\r\n";
  EXPECT_EQ(StatusOf(trailers), 413);
  std::string small = Chunked("");
  for (int i = 0; i < 100000; ++i) small += "1\r\nx\r\n";
  EXPECT_EQ(StatusOf(small + "0\r\n\r\n"), 200);
}

}  // namespace
}  // namespace lluda::http
