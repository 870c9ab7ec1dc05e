#include "frontends/tokenizer/chat_template.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "frontends/tokenizer/reader/chat_format_reader.h"

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

class ChatTemplateFiles : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
  }
  // What the folder's files make of a message.
  std::string Rendered(const ChatOptions& options = {}) {
    const absl::StatusOr<ChatFormat> format = ReadChatFormat(folder_.string());
    if (!format.ok()) return std::string(format.status().message());
    const absl::StatusOr<ChatTemplate> chat = ChatTemplate::Create(*format);
    if (!chat.ok()) return std::string(chat.status().message());
    const absl::StatusOr<jinja::Text> text = chat->Render({{ChatRole::kUser, "Hi"}}, options);
    return text.ok() ? text->bytes() : std::string(text.status().message());
  }
  std::string File(const std::string& name) { return (folder_ / name).string(); }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST(ChatTemplate, RendersWhatTheJinjaTemplateOfQwen3Renders) {
  const absl::StatusOr<ChatFormat> format = ReadChatFormat(kQwen3);
  ASSERT_TRUE(format.ok()) << format.status();
  const absl::StatusOr<ChatTemplate> chat = ChatTemplate::Create(*format);
  ASSERT_TRUE(chat.ok()) << chat.status();
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
    bool thinking = false;
    if (test_case["enable_thinking"].get(thinking) == simdjson::SUCCESS) {
      options.enable_thinking = thinking;
    }
    simdjson::dom::element tools;
    if (test_case["tools"].get(tools) == simdjson::SUCCESS) {
      options.tools_json = simdjson::minify(tools);
    }
    const absl::StatusOr<jinja::Text> text = chat->Render(messages, options);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(text->bytes(), Text(test_case, "text")) << "case " << count;
    ++count;
  }
  EXPECT_EQ(count, 216);
}

TEST_F(ChatTemplateFiles, RefuseAConversationWithoutMessages) {
  const absl::StatusOr<ChatTemplate> chat = ChatTemplate::Create({{{"default", "x", "a"}}, {}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->Render({}, {}).status(),
            absl::InvalidArgumentError("the conversation has no message"));
}

TEST_F(ChatTemplateFiles, UnknownRolesAreRefusedByName) {
  EXPECT_EQ(ParseChatRole("User").status(), absl::InvalidArgumentError("role \"User\" is unknown"));
}

TEST_F(ChatTemplateFiles, TheFieldIsReadWithTheSpecialTokens) {
  Write("tokenizer_config.json",
        R"({"chat_template": "{{ bos_token }}{{ pad_token is defined }}{{ messages[0].content }}",
            "tokenizer_class": "X", "bos_token": {"content": "<s>"}, "pad_token": null})");
  EXPECT_EQ(Rendered(), "<s>FalseHi");
}

TEST_F(ChatTemplateFiles, AJinjaFileCountsBeforeTheField) {
  Write("tokenizer_config.json", R"({"chat_template": "config"})");
  Write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(Rendered(), "config");
  Write("chat_template.jinja", "jinja\n");
  EXPECT_EQ(Rendered(), "jinja");
  std::filesystem::remove(File("chat_template.jinja"));
  Write("tokenizer_config.json", "{}");
  EXPECT_EQ(Rendered(), "json");
}

TEST_F(ChatTemplateFiles, AListHasATemplateForTools) {
  Write("tokenizer_config.json", R"({"chat_template": [
      {"name": "tool_use", "template": "T{{ tools|length }}"}, {"name": "default", "template": "D"}]})");
  EXPECT_EQ(Rendered(), "D");
  ChatOptions options;
  options.tools_json = R"([{"type": "function"}])";
  EXPECT_EQ(Rendered(options), "T1");
  options.tools_json = "[]";
  EXPECT_EQ(Rendered(options), "D");
}

TEST_F(ChatTemplateFiles, FurtherJinjaFilesHaveTheirNames) {
  Write("chat_template.jinja", "D");
  Write("additional_chat_templates/tool_use.jinja", "T");
  ChatOptions options;
  options.tools_json = "[{}]";
  EXPECT_EQ(Rendered(), "D");
  EXPECT_EQ(Rendered(options), "T");
}

// As in a cache of the hub whose download was broken off.
TEST_F(ChatTemplateFiles, ATemplateThatLinksToNowhereIsNotPassedOver) {
  Write("tokenizer_config.json", R"({"chat_template": "config"})");
  Write("chat_template.json", R"({"chat_template": "json"})");
  std::filesystem::create_symlink("nowhere", File("chat_template.jinja"));
  EXPECT_EQ(Rendered(), File("chat_template.jinja") + ": links to a file that is not there");
  std::filesystem::remove(File("chat_template.jinja"));
  std::filesystem::create_symlink("chat_template.jinja", File("chat_template.jinja"));
  EXPECT_EQ(Rendered(),
            File("chat_template.jinja") + ": cannot be opened: Too many levels of symbolic links");
}

TEST_F(ChatTemplateFiles, AListWithoutADefaultIsRefused) {
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": ""}]})");
  EXPECT_EQ(Rendered(), "chat_template: has no template named \"default\", but \"rag\"");
}

TEST_F(ChatTemplateFiles, WrongFieldsAreNamed) {
  Write("tokenizer_config.json", R"({"chat_template": 3})");
  EXPECT_EQ(Rendered(),
            File("tokenizer_config.json") +
                ": field 'chat_template' is neither a string nor a list of named templates");
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "default"}]})");
  EXPECT_EQ(Rendered(),
            File("tokenizer_config.json") + ": field 'chat_template[0].template' is missing");
  Write("tokenizer_config.json", R"({"chat_template": "a\n{{ x. }}"})");
  EXPECT_EQ(Rendered(), File("tokenizer_config.json") +
                            ": chat_template: line 2, column 7: expected name or number");
  Write("tokenizer_config.json", "{}");
  EXPECT_EQ(Rendered(), File("tokenizer_config.json") + ": field 'chat_template' is missing");
}

TEST_F(ChatTemplateFiles, AFolderWithoutAnyIsNotFound) {
  EXPECT_EQ(
      ReadChatFormat("/nonexistent").status(),
      absl::NotFoundError("/nonexistent/tokenizer_config.json: no such file, so no chat_template"));
}

TEST_F(ChatTemplateFiles, ToolsAreAListOfObjects) {
  EXPECT_EQ(CheckTools(R"([{"name": "x"}])"), absl::OkStatus());
  EXPECT_EQ(CheckTools("{}"), absl::InvalidArgumentError("is not a list of tools"));
  EXPECT_EQ(CheckTools("[{}, 1]"), absl::InvalidArgumentError("[1]: is not an object"));
  EXPECT_FALSE(CheckTools("[").ok());
}

TEST_F(ChatTemplateFiles, OnlyTheTemplateMakesSpecialTokens) {
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromJson(R"({"added_tokens": [
      {"id": 3, "content": "<s>", "special": true}, {"id": 4, "content": "<t>", "special": false},
      {"id": 5, "content": "<n>", "special": true, "normalized": true}],
      "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
      "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE",
      "vocab": {"<": 0, "s": 1, ">": 2, "t": 6, "n": 7, "a": 8}, "merges": []}})",
                                                                  "t.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto ids = [&](const std::string& source, const std::string& content) {
    const absl::StatusOr<ChatTemplate> chat =
        ChatTemplate::Create({{{"default", "x", source}}, {{"bos_token", "<s>"}}});
    EXPECT_TRUE(chat.ok()) << chat.status();
    const absl::StatusOr<jinja::Text> text = chat->Render({{ChatRole::kUser, content}}, {});
    EXPECT_TRUE(text.ok()) << text.status();
    return EncodeChat(*tokenizer, *text);
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(ids("{{ bos_token }}<n>{{ messages[0].content }}<s>", "<s>a<n>"),
            (Ids{3, 5, 0, 1, 2, 8, 0, 7, 2, 3}));
  // One half is the user's.
  EXPECT_EQ(ids("<{{ messages[0].content }}", "s>"), (Ids{0, 1, 2}));
  EXPECT_EQ(ids("{{ messages[0].content }}s>", "<"), (Ids{0, 1, 2}));
  EXPECT_EQ(ids("{{ '<' + messages[0].content + 's>' }}", ""), (Ids{3}));
  // Tokens that are not special are everyone's.
  EXPECT_EQ(ids("{{ messages[0].content }}", "<t>"), (Ids{4}));
}

TEST(TemplateIfAnyTest, AModelWithoutATemplateHasNoneAndWhatIsWrongWithOneIsTold) {
  const auto none = TemplateIfAny(absl::NotFoundError("m: no template"));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());
  EXPECT_EQ(TemplateIfAny(absl::InvalidArgumentError("m: broken")).status(),
            absl::InvalidArgumentError("m: broken"));
  EXPECT_FALSE(TemplateIfAny(ChatFormat{{{"default", "file", "{% if %}"}}, {}}).ok());
  const auto one = TemplateIfAny(ChatFormat{{{"default", "file", "Hi"}}, {}});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_TRUE(one->has_value());
}

}  // namespace
}  // namespace lluda::tokenizer
