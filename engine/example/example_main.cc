// The public API in one page: load a model, open a session, print a story as it is written.
//
//   bazel run //engine:example -- $PWD/reference_data/stories "Once upon a time"
//
// The story goes to stdout, everything else to stderr. Exit code 0, 1 on failure, 2 when called
// wrongly.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "engine/model.h"
#include "engine/session.h"

namespace {

absl::Status WriteStory(const std::string& folder, const std::string& beginning) {
  // From the checkpoint to machine code. This takes a second or less for a small model.
  lluda::engine::LoadOptions load;
  load.folder = folder;
  ASSIGN_OR_RETURN(std::unique_ptr<lluda::engine::Model> model, lluda::engine::Model::Load(load));

  // A session holds the text so far. Prompts are tokens: raw text, or a chat template's.
  ASSIGN_OR_RETURN(std::unique_ptr<lluda::engine::Session> session,
                   lluda::engine::Session::Create(model.get(), {}));
  lluda::tokenizer::EncodeOptions encode;
  encode.add_special_tokens =
      true;  // <s> and the like, where the model wants it; no chat template's
  const std::vector<int32_t> prompt = model->tokenizer()->Encode(beginning, encode);

  lluda::engine::GenerateOptions options;
  options.max_new_tokens = 60;
  options.sampler = model->DefaultSampler();
  options.sampler.temperature = 0;  // always the likeliest token
  options.stop_tokens = model->StopTokens();
  options.on_text = [](absl::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    return std::fflush(stdout) == 0;  // false would end the story here
  };
  std::fputs(beginning.c_str(), stdout);
  ASSIGN_OR_RETURN(lluda::engine::Generation story, session->Generate(prompt, options));
  std::fputs("\n", stdout);
  std::fprintf(stderr, "%zu tokens, ended by %s\n", story.tokens.size(),
               std::string(lluda::engine::FinishReasonName(story.finish)).c_str());
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: example MODEL_FOLDER \"Once upon a time\"\n", stderr);
    return 2;
  }
  const absl::Status status = WriteStory(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "example: %s\n", std::string(status.message()).c_str());
  return 1;
}
