#include "tools/run/conversation.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/stories_model.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

constexpr char kTemplate[] =
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}";

class ConversationTest : public engine::StoriesTest<64> {
 protected:
  void SetUp() override {
    auto session = engine::Session::Create(model_, {});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
  }

  Conversation WithSystem(const std::string& system) const {
    auto chat_template = tokenizer::ChatTemplate::Create({{{"default", "test", kTemplate}}, {}});
    EXPECT_TRUE(chat_template.ok()) << chat_template.status();
    return {{*std::move(chat_template), {}}, system, model_, session_.get()};
  }

  std::unique_ptr<engine::Session> session_;
};

TEST_F(ConversationTest, APromptHasAllThatWasSaid) {
  Conversation conversation = WithSystem("Be brief.");
  ASSERT_TRUE(conversation.Ask("Hi").ok());
  conversation.Add("Hello!");
  const auto prompt = conversation.Ask("Bye");
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  EXPECT_EQ(prompt->text, "system: Be brief.\nuser: Hi\nassistant: Hello!\nuser: Bye\n");
  EXPECT_EQ(prompt->ids, model_->tokenizer()->Encode(prompt->text));
  EXPECT_EQ(conversation.asked(), 2);
}

TEST_F(ConversationTest, AMessageThatDoesNotFitIsLeftOut) {
  Conversation conversation = WithSystem("");
  std::string message;
  for (int i = 0; i < 100; ++i) message += "word ";
  EXPECT_EQ(conversation.Ask(message).status().code(), absl::StatusCode::kInvalidArgument);
  const auto prompt = conversation.Ask("Hi");
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  EXPECT_EQ(prompt->text, "user: Hi\n");
  EXPECT_EQ(conversation.asked(), 2);
}

TEST_F(ConversationTest, AnAnswerEndsWhereTheModelsTextsEnd) {
  const std::vector<int32_t> own = model_->StopTokens();
  const std::vector<int32_t> stops = WithSystem("").StopTokens();
  ASSERT_GE(stops.size(), own.size());
  EXPECT_TRUE(std::equal(own.begin(), own.end(), stops.begin()));
}

}  // namespace
}  // namespace lluda::tools
