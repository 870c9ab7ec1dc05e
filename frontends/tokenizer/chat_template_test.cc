#include "frontends/tokenizer/chat_template.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lluda::tokenizer {
namespace {

constexpr char kCases[] = "frontends/tokenizer/testdata/chat_cases.jsonl";
constexpr char kQwen3[] = "reference_data/qwen3_tokenizer";

std::string Text(simdjson::dom::element object, std::string_view key) {
  std::string_view value;
  EXPECT_EQ(object[key].get(value), simdjson::SUCCESS) << key;
  return std::string(value);
}

bool Flag(simdjson::dom::element object, std::string_view key) {
  bool value = false;
  EXPECT_EQ(object[key].get(value), simdjson::SUCCESS) << key;
  return value;
}

// A folder with the one file `name`.
std::string FolderWith(const std::string& name, const std::string& content) {
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / test->name();
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name) << content;
  return folder.string();
}

TEST(ChatTemplate, RendersWhatTheJinjaTemplateOfQwen3Renders) {
  simdjson::dom::parser parser;
  simdjson::padded_string file;
  ASSERT_EQ(simdjson::padded_string::load(kCases).get(file), simdjson::SUCCESS);
  simdjson::dom::document_stream cases;
  ASSERT_EQ(parser.parse_many(file).get(cases), simdjson::SUCCESS);
  int count = 0;
  for (const simdjson::simdjson_result<simdjson::dom::element> line : cases) {
    simdjson::dom::element test_case;
    ASSERT_EQ(line.get(test_case), simdjson::SUCCESS);
    simdjson::dom::array list;
    ASSERT_EQ(test_case["messages"].get(list), simdjson::SUCCESS);
    std::vector<ChatMessage> messages;
    for (const simdjson::dom::element message : list) {
      const absl::StatusOr<ChatRole> role = ParseChatRole(Text(message, "role"));
      ASSERT_TRUE(role.ok()) << role.status();
      messages.push_back({*role, Text(message, "content")});
      std::string_view reasoning;
      if (message["reasoning_content"].get(reasoning) == simdjson::SUCCESS) {
        messages.back().reasoning = std::string(reasoning);
      }
    }
    ChatOptions options;
    options.add_generation_prompt = Flag(test_case, "add_generation_prompt");
    options.enable_thinking = Flag(test_case, "enable_thinking");
    const absl::StatusOr<std::string> text = RenderChat(messages, options);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(*text, Text(test_case, "text")) << "case " << count;
    ++count;
  }
  EXPECT_EQ(count, 102);
}

TEST(ChatTemplate, RefusesAConversationWithoutMessages) {
  EXPECT_EQ(RenderChat({}, {}).status(),
            absl::InvalidArgumentError("the conversation has no message"));
}

TEST(ChatTemplate, RefusesToolsAndUnknownRolesByName) {
  EXPECT_EQ(ParseChatRole("tool").status(),
            absl::UnimplementedError("role \"tool\": tools are not supported"));
  EXPECT_EQ(ParseChatRole("User").status(), absl::InvalidArgumentError("role \"User\" is unknown"));
}

TEST(ChatTemplate, RecognisesTheTemplateOfQwen3) {
  EXPECT_EQ(CheckChatTemplate(kQwen3), absl::OkStatus());
}

TEST(ChatTemplate, NamesTheFileAndWhatAForeignTemplateLacks) {
  const std::string folder =
      FolderWith("tokenizer_config.json", R"({"chat_template": "<|im_start|>{{x}}<|im_end|>"})");
  EXPECT_EQ(
      CheckChatTemplate(folder),
      absl::UnimplementedError(folder + "/tokenizer_config.json: chat_template: is not Qwen3's (no "
                                        "<think>); other templates are not supported"));
}

TEST(ChatTemplate, PrefersAJinjaFile) {
  const std::string folder = FolderWith("chat_template.jinja", "[INST]");
  EXPECT_EQ(
      CheckChatTemplate(folder),
      absl::UnimplementedError(folder + "/chat_template.jinja: chat_template: is not Qwen3's (no "
                                        "<|im_start|>); other templates are not supported"));
}

TEST(ChatTemplate, SaysWhichFileHasNoTemplate) {
  const std::string folder = FolderWith("tokenizer_config.json", "{}");
  EXPECT_EQ(CheckChatTemplate(folder),
            absl::NotFoundError(folder + "/tokenizer_config.json: chat_template: is missing"));
}

TEST(ChatTemplate, SaysThatATemplateHasTheWrongType) {
  const std::string folder = FolderWith("tokenizer_config.json", R"({"chat_template": 3})");
  EXPECT_EQ(CheckChatTemplate(folder),
            absl::InvalidArgumentError(
                folder + "/tokenizer_config.json: chat_template: is a number, not a string"));
}

TEST(ChatTemplate, SaysThatThereIsNoConfiguration) {
  EXPECT_EQ(
      CheckChatTemplate("/nonexistent"),
      absl::NotFoundError("/nonexistent/tokenizer_config.json: no such file, so no chat_template"));
}

}  // namespace
}  // namespace lluda::tokenizer
