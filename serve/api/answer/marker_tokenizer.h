// A tokenizer for tests of answers: a token for each byte of kMarkerAlphabet, and the markers of thoughts
// and calls; <s> is special.
//
//   tokenizer::Tokenizer tokenizer = MakeMarkerTokenizer();
//   tokenizer.Encode("a<think>b");   // three tokens
#ifndef LLUDA_SERVE_API_ANSWER_MARKER_TOKENIZER_H_
#define LLUDA_SERVE_API_ANSWER_MARKER_TOKENIZER_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "frontends/tokenizer/tokenizer.h"

namespace lluda::api {

// All that it can encode beside the markers.
inline constexpr char kMarkerAlphabet[] = "abcdefghijklmnopqrstuvwxyz{}:,[]0123456789 \n\"<>_/";

inline tokenizer::Tokenizer MakeMarkerTokenizer() {
  std::string vocabulary;
  int id = 0;
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz{}:,[]0123456789";
  const auto add = [&](const std::string& text) {
    vocabulary += (id == 0 ? "\"" : ",\"") + text + "\":" + std::to_string(id);
    ++id;
  };
  for (const char c : alphabet) add(std::string(1, c));
  for (const char* text : {"Ġ", "Ċ", "\\\"", "<", ">", "_", "/"}) add(text);
  std::string added;
  for (const char* text : {"<think>", "</think>", "<tool_call>", "</tool_call>"}) {
    added += (added.empty() ? "" : ",") + std::string("{\"id\":") + std::to_string(id++) +
             ",\"content\":\"" + text + "\",\"special\":false,\"normalized\":false}";
  }
  added += ",{\"id\":" + std::to_string(id) + ",\"content\":\"<s>\",\"special\":true}";
  const std::string json =
      "{\"added_tokens\":[" + added +
      "],\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false},"
      "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"vocab\":{" +
      vocabulary + "},\"merges\":[]}}";
  absl::StatusOr<tokenizer::Tokenizer> made = tokenizer::Tokenizer::FromJson(json, "test");
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_ANSWER_MARKER_TOKENIZER_H_
