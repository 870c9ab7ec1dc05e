#include "serve/api/answer/call_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lluda::api {
namespace {

// The arguments of a call that comes in pieces of so many bytes.
std::string Arguments(const std::string& call, size_t piece, std::string* name) {
  CallReader reader;
  std::string arguments;
  for (size_t i = 0; i < call.size(); i += piece) {
    reader.Add(absl::string_view(call).substr(i, piece));
    if (reader.has_arguments()) arguments += reader.TakeArguments();
  }
  *name = reader.has_arguments() ? reader.name() : "";
  return arguments;
}

TEST(CallReaderTest, ArgumentsAreAsTheyAreWrittenHoweverTheyCome) {
  const std::string arguments = R"({"a":  "}\"{\\", "b": [1, {"c": {}}], "é": "]"})";
  for (const size_t piece : {1, 2, 5, 200}) {
    std::string name;
    EXPECT_EQ(Arguments("\n{\"name\": \"f_1\", \"arguments\": " + arguments + "}\n", piece, &name),
              arguments);
    EXPECT_EQ(name, "f_1");
    EXPECT_EQ(Arguments(" { \"name\" :\"f\",\"arguments\":{}} ", piece, &name), "{}");
    EXPECT_EQ(name, "f");
  }
}

TEST(CallReaderTest, ArgumentsAreThereBeforeTheyEnd) {
  CallReader reader;
  reader.Add(R"({"name": "f", "arguments":)");
  EXPECT_FALSE(reader.has_arguments());
  reader.Add(R"( {"x": "a)");
  EXPECT_TRUE(reader.has_arguments());
  EXPECT_EQ(reader.TakeArguments(), R"({"x": "a)");
  reader.Add(R"(b"}})");
  EXPECT_EQ(reader.TakeArguments(), R"(b"})");
}

TEST(CallReaderTest, WhatIsWrittenOtherwiseHasNoArguments) {
  for (const char* const text :
       {"", "no JSON", R"({"name": "f"})", R"({"arguments": {}, "name": "f"})",
        R"({"name": 5, "arguments": {}})", R"({"name": "f", "arguments": [1]})",
        R"({"name": "\u0066", "arguments": {}})", R"([{"name": "f", "arguments": {}}])"}) {
    CallReader reader;
    reader.Add(text);
    EXPECT_FALSE(reader.has_arguments()) << text;
  }
}

}  // namespace
}  // namespace lluda::api
