#include "serve/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "base/files/test_files.h"

namespace lluda::serve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

http::Request RequestWith(std::vector<http::Header> headers) {
  http::Request request;
  request.peer = "10.0.0.1";
  request.headers = std::move(headers);
  return request;
}

std::string CodeOf(const Access& access, std::vector<http::Header> headers, bool needs_key = true) {
  const AccessResult result = access.Check(RequestWith(std::move(headers)), needs_key);
  return result.refusal ? result.refusal->code : "";
}

TEST(AccessTest, KeysOfAFileThatIsItsOwnersAloneComeBeforeTheEnvironments) {
  const base::TemporaryFolder folder;
  const std::string file = folder.Write("keys", "alice:0123456789");
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  EXPECT_EQ((*ReadKeys(file, "bob:0123456789"))[0].name, "alice");
  EXPECT_EQ((*ReadKeys("", "bob:0123456789"))[0].name, "bob");
  EXPECT_TRUE(ReadKeys("", nullptr)->empty());
  ASSERT_EQ(chmod(file.c_str(), 0640), 0);
  EXPECT_EQ(ReadKeys(file, nullptr).status(),
            absl::InvalidArgumentError(file +
                                       ": others than its owner may read or write it (chmod 600)"));
  const std::string empty = folder.Write("none", "# none\n");
  ASSERT_EQ(chmod(empty.c_str(), 0600), 0);
  EXPECT_EQ(ReadKeys(empty, "bob:0123456789").status(),
            absl::InvalidArgumentError(empty + ": has no key"));
}

TEST(AccessTest, KeysAreReadLineByLineAndNeverTold) {
  const auto keys = ParseKeys("f", "# ours\n alice:0123456789 \n\nabcdefgh,bob:76543210");
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 3u);
  EXPECT_EQ((*keys)[0].name, "alice");
  EXPECT_EQ((*keys)[1].name, "key4");
  for (const char* text : {"a:short", "a:01234567\na:76543210", ":012345678", "a:0123 45678"}) {
    const absl::Status status = ParseKeys("f", text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("0123")));
  }
}

TEST(AccessTest, OnlyKnownKeysGetIn) {
  const Access access({*ParseKeys("f", "alice:0123456789"), {}, {}});
  EXPECT_EQ(CodeOf(access, {{"authorization", "Bearer 0123456789"}}), "");
  EXPECT_EQ(CodeOf(access, {{"authorization", "bearer  0123456789"}}), "");
  EXPECT_EQ(CodeOf(access, {}), "invalid_api_key");
  EXPECT_EQ(CodeOf(access, {{"authorization", "Bearer 0123456780"}}), "invalid_api_key");
  EXPECT_EQ(CodeOf(access, {{"authorization", "0123456789"}}), "invalid_api_key");
  EXPECT_EQ(CodeOf(access, {}, /*needs_key=*/false), "");
  const AccessResult result =
      access.Check(RequestWith({{"authorization", "Bearer 0123456789"}}), true);
  EXPECT_EQ(result.client, "key:alice");
}

TEST(AccessTest, WithoutKeysTheHostHasToBeOneOfOurs) {
  const Access access({{}, {"chat.example"}, {}});
  for (const char* host :
       {"localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]", "[::1]:80", "chat.example"}) {
    EXPECT_EQ(CodeOf(access, {{"host", host}}), "") << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "", "127.evil.example:80"}) {
    EXPECT_EQ(CodeOf(access, {{"host", host}}), "forbidden_host") << host;
  }
  EXPECT_EQ(access.Check(RequestWith({{"host", "localhost"}}), true).client, "peer:10.0.0.1");
}

TEST(AccessTest, AnOriginIsWhatABrowserCouldSend) {
  for (const char* origin : {"https://chat.example", "http://localhost:3000", "http://[::1]:80",
                             "chrome-extension://abcdef", "https://10.0.0.1"}) {
    EXPECT_TRUE(CheckOriginText(origin).ok()) << origin;
  }
  for (const char* origin :
       {"", "*", "null", "chat.example", "https://", "https://chat.example/", "https://a/b",
        "https://chat.example:", "https://chat.example:0", "https://chat.example:65536",
        "https://chat.example:x", "https://me@chat.example", "https://a b", "://chat.example",
        "https://::1", "https://[::1", "https://*.example", "https://a,https://b"}) {
    EXPECT_EQ(CheckOriginText(origin),
              absl::InvalidArgumentError(
                  absl::StrCat("'", origin, "' is no origin of a page: SCHEME://HOST[:PORT]")));
  }
}

TEST(AccessTest, PagesOfOtherSitesAreRefusedUnlessAllowed) {
  const Access access({{}, {}, {"https://chat.example"}});
  const http::Header host = {"host", "localhost:80"};
  EXPECT_EQ(CodeOf(access, {host, {"origin", "http://localhost:80"}}), "");
  EXPECT_EQ(CodeOf(access, {host, {"origin", "https://localhost:80"}}), "");
  EXPECT_EQ(CodeOf(access, {host, {"origin", "https://chat.example"}}), "");
  EXPECT_EQ(CodeOf(access, {host, {"origin", "http://chat.example"}}), "forbidden_origin");
  EXPECT_EQ(CodeOf(access, {host, {"origin", "null"}}), "forbidden_origin");
  EXPECT_EQ(CodeOf(access, {host, {"origin", ""}}), "forbidden_origin");
}

}  // namespace
}  // namespace lluda::serve
