// lluda embed: texts to vectors, JSON lines in and out.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "engine/embed/embedder.h"
#include "frontends/embedding_format.h"
#include "tools/run/embedding_report.h"

namespace lluda::cli {
namespace {

// Texts whose vectors are written before the next ones are computed.
constexpr size_t kTextsAtATime = 64;

absl::StatusOr<std::vector<tools::TextInput>> ReadInputs(const EmbedFlags& flags) {
  if (flags.input.text) {
    return std::vector<tools::TextInput>{{"--prompt", std::nullopt, *flags.input.text}};
  }
  const std::string file = flags.input.file.value_or("-");
  ASSIGN_OR_RETURN(const std::string lines, base::ReadInput(file));
  return tools::ReadTexts(file == "-" ? "stdin" : file, lines);
}

// What is written before each text.
absl::StatusOr<std::string> PromptFor(const EmbedFlags& flags, const engine::ModelSource& source) {
  ASSIGN_OR_RETURN(const frontends::EmbeddingFormat format, source.ReadEmbeddingFormat());
  if (flags.instruction) return absl::StrCat("Instruct: ", *flags.instruction, "\nQuery:");
  absl::StatusOr<std::string> prompt = frontends::PromptOf(format, flags.prompt_name);
  if (prompt.ok()) return prompt;
  return absl::InvalidArgumentError(absl::StrCat(source.path(), ": ", prompt.status().message()));
}

}  // namespace

absl::StatusOr<int> Run(const EmbedFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<tools::TextInput> inputs, ReadInputs(flags));
  ModelFlags wanted = flags.model;
  wanted.result = std::string(engine::StepResultName(engine::StepResult::kHidden));
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(wanted));
  ASSIGN_OR_RETURN(const std::string prompt, PromptFor(flags, *options.source));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), wanted.use_cache));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Embedder> embedder,
                   engine::Embedder::Create(model.get(), {flags.dimensions.value_or(0)}));
  std::vector<std::vector<int32_t>> texts;
  for (const tools::TextInput& input : inputs) {
    texts.push_back(engine::EmbeddingTokens(*model->tokenizer(), prompt + input.text));
    if (const absl::Status status = embedder->Check(texts.back()); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat(input.place, ": ", status.message()));
    }
  }
  std::vector<tools::EmbeddingRow> rows;
  for (size_t begin = 0; begin < texts.size(); begin += kTextsAtATime) {
    const auto part = absl::MakeConstSpan(texts).subspan(begin, kTextsAtATime);
    ASSIGN_OR_RETURN(std::vector<std::vector<float>> vectors, embedder->Embed(part));
    std::string lines;
    for (size_t i = 0; i < part.size(); ++i) {
      const size_t index = begin + i;
      tools::EmbeddingRow row{inputs[index].id, static_cast<int64_t>(index),
                              static_cast<int64_t>(part[i].size()), std::move(vectors[i])};
      if (!flags.json) lines += tools::EmbeddingLine(row);
      if (flags.json) rows.push_back(std::move(row));
    }
    RETURN_IF_ERROR(WriteStdout(lines));
  }
  return flags.json ? Print(tools::EmbeddingsJson(rows)) : 0;
}

}  // namespace lluda::cli
